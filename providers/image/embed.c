/* The init program of initrd/init.c, built before this file and taken into it byte by byte. */
#include "initrd.h"

/* Two symbols of this file alone: where the bytes begin and where they end. */
__asm__(".section .rodata\n"
	".balign 16\n"
	"embed_init:\n"
	".incbin \"" INIT_PROGRAM "\"\n"
	"embed_init_end:\n"
	".byte 0\n"
	".previous\n");

extern const unsigned char embed_init[], embed_init_end[];

struct initrd_program initrd_program(void)
{
	return (struct initrd_program){embed_init, embed_init_end - embed_init};
}
