/* The bytes of the init program, which is built before this file. */

__asm__(".section .rodata\n"
	".balign 16\n"
	".global init_program\n"
	"init_program:\n"
	".incbin \"" INIT_PROGRAM "\"\n"
	".global init_program_end\n"
	"init_program_end:\n"
	".byte 0\n"
	".previous\n"
	".section .note.GNU-stack,\"\",%progbits\n"
	".previous\n");
