/* Some hosts let a virtual machine be made, and even run in real mode, and then spin for ever. So
 * the trial is what a kernel needs first: long mode, paging, and an interrupt that arrives. The
 * guest spins until the interrupt; its handler writes one byte to a port. */
#include "trial.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "base/process.h"

enum { LIMIT = 2000 };

#ifdef __x86_64__

#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum {
	MEMORY = 2 << 20,
	TABLE_4 = 0x1000, /* the three levels of page tables */
	TABLE_3 = 0x2000,
	TABLE_2 = 0x3000,
	DESCRIPTORS = 0x4000,
	INTERRUPTS = 0x5000,
	CODE = 0x6000,
	HANDLER = 0x6100,
	STACK = 0x8000,
	VECTOR = 0x20,
	PORT = 0xe9,
	SIGN = 0x42,
	CODE_SELECTOR = 8,
};

/* What the child says by its exit code. */
enum { RAN, NO_DEVICE, NOT_PERMITTED, NO_MACHINE, NO_START, WRONG_EXIT };

static const char *const failures[] = {
	[NO_DEVICE] = "there is no /dev/kvm",
	[NOT_PERMITTED] = "/dev/kvm may not be opened",
	[NO_MACHINE] = "KVM cannot make a virtual machine",
	[NO_START] = "KVM does not start a guest",
	[WRONG_EXIT] = "a guest in long mode does not run on KVM",
};

static void put64(unsigned char *at, uint64_t number)
{
	memcpy(at, &number, sizeof(number));
}

static void memory_fill(unsigned char *memory)
{
	static const unsigned char spin[] = {0xf3, 0x90, 0xeb, 0xfc};	       /* pause; jmp back */
	static const unsigned char handler[] = {0xb0, SIGN, 0xe6, PORT, 0xf4}; /* out; hlt */
	unsigned char *gate = memory + INTERRUPTS + VECTOR * 16;

	put64(memory + TABLE_4, TABLE_3 | 3);
	put64(memory + TABLE_3, TABLE_2 | 3);
	put64(memory + TABLE_2, 0x83); /* one page of 2 MiB, writable */
	put64(memory + DESCRIPTORS + CODE_SELECTOR, 0x00af9b000000ffff);
	put64(gate, (uint64_t)(HANDLER & 0xffff) | CODE_SELECTOR << 16 | (uint64_t)0x8e00 << 32 |
			    (uint64_t)(HANDLER >> 16) << 48);
	memcpy(memory + CODE, spin, sizeof(spin));
	memcpy(memory + HANDLER, handler, sizeof(handler));
}

static bool registers_set(int cpu)
{
	struct kvm_regs regs = {.rip = CODE, .rsp = STACK, .rflags = 0x202};
	struct kvm_segment segment = {.limit = 0xffffffff, .present = 1, .s = 1, .g = 1};
	struct kvm_sregs sregs;

	if (ioctl(cpu, KVM_GET_SREGS, &sregs) < 0)
		return false;
	sregs.cs = segment;
	sregs.cs.type = 11, sregs.cs.l = 1, sregs.cs.selector = CODE_SELECTOR;
	segment.type = 3, segment.db = 1, segment.selector = 16;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = segment;
	sregs.gdt.base = DESCRIPTORS, sregs.gdt.limit = 0xff;
	sregs.idt.base = INTERRUPTS, sregs.idt.limit = 0xfff;
	sregs.cr3 = TABLE_4;
	sregs.cr4 = 1 << 5;	       /* PAE */
	sregs.cr0 = 0x80000001 | 0x10; /* paging, protection, extension type */
	sregs.efer = 0x500;	       /* long mode, active */
	return ioctl(cpu, KVM_SET_SREGS, &sregs) == 0 && ioctl(cpu, KVM_SET_REGS, &regs) == 0;
}

static int guest_run(int cpu, struct kvm_run *run)
{
	struct kvm_interrupt interrupt = {VECTOR};

	if (ioctl(cpu, KVM_INTERRUPT, &interrupt) < 0)
		return NO_START;
	for (int i = 0; i < 16; i++) {
		if (ioctl(cpu, KVM_RUN, 0) < 0 && errno != EINTR)
			return NO_START;
		if (run->exit_reason == KVM_EXIT_IO)
			return run->io.port == PORT &&
					       ((unsigned char *)run)[run->io.data_offset] == SIGN
				       ? RAN
				       : WRONG_EXIT;
		if (run->exit_reason != KVM_EXIT_IRQ_WINDOW_OPEN &&
			run->exit_reason != KVM_EXIT_INTR)
			return WRONG_EXIT;
	}
	return WRONG_EXIT;
}

static int trial(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, cpu;
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY};
	unsigned char *memory;
	struct kvm_run *run;
	int size;

	if (kvm < 0)
		return errno == EACCES || errno == EPERM ? NOT_PERMITTED : NO_DEVICE;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vm < 0 || memory == MAP_FAILED)
		return NO_MACHINE;
	memory_fill(memory);
	region.userspace_addr = (uintptr_t)memory;
	cpu = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -1
								 : ioctl(vm, KVM_CREATE_VCPU, 0);
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (cpu < 0 || size < (int)sizeof(*run))
		return NO_MACHINE;
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED || !registers_set(cpu))
		return NO_MACHINE;
	return guest_run(cpu, run);
}

bool trial_run(struct error **err)
{
	pid_t us = getpid();
	struct process process = {.pid = fork(), .pidfd = -1};
	int status = 0, code;

	if (process.pid == 0) {
		setpgid(0, 0);
		/* A guest that spins would do so for ever if we were gone before. */
		_exit(prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != us ? NO_START : trial());
	}
	if (process.pid > 0)
		process.pidfd = syscall(SYS_pidfd_open, process.pid, 0);
	if (process.pid < 0 || process.pidfd < 0) {
		error_set_errno(err, "cannot start a trial of KVM");
		process_close(&process);
		return false;
	}
	if (!process_wait(&process, LIMIT, &status, err)) {
		process_close(&process);
		error_clear(err);
		error_set(err, ERROR_FAILED, "a guest hangs on KVM");
		return false;
	}
	process_close(&process);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : WRONG_EXIT;
	if (code == RAN)
		return true;
	error_set(err,
		code == NO_DEVICE	? ERROR_MISSING
		: code == NOT_PERMITTED ? ERROR_DENIED
					: ERROR_FAILED,
		"%s", failures[code <= WRONG_EXIT ? code : WRONG_EXIT]);
	return false;
}

#else

bool trial_run(struct error **err)
{
	error_set(err, ERROR_MISSING, "this host's processor cannot run x86 guests");
	return false;
}

#endif
