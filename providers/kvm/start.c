/* All files are opened here, by us, and handed on as descriptors: QEMU may be a user who can open
 * none of them. */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <poll.h>

#include "accelerator.h"
#include "argv.h"
#include "base/file.h"
#include "base/id.h"
#include "base/process.h"
#include "base/text.h"
#include "console.h"
#include "credentials.h"
#include "keys.h"
#include "launch.h"
#include "make.h"
#include "qmp.h"
#include "scope.h"
#include "socket.h"

enum {
	MONITOR_LIMIT = 20000,
	ALIVE_LIMIT = 2000,
	PAUSE = 2,
	CREDENTIALS_MOST = 8,
	KEEP_MOST = 24,
	LOG_LINES = 8,
};

static const char program[] = "qemu-system-x86_64";

/* What a start holds open: closed when it is over, however it ends. */
struct starting {
	struct arena *arena;
	const struct machine *machine;
	struct accelerator accelerator;
	const char *boot;
	int folder, alive, log;
	struct argv argv;
	int credentials[CREDENTIALS_MOST];
};

static void close_all(struct starting *s)
{
	int *all[] = {&s->folder, &s->alive, &s->log, &s->argv.base_fd, &s->argv.overlay_fd,
		&s->argv.kernel_fd, &s->argv.initrd_fd, &s->argv.qmp_fd, &s->argv.console_fd,
		&s->argv.console_log_fd};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		if (*all[i] >= 0)
			close(fd_steal(all[i]));
	for (size_t i = 0; i < s->argv.credential_count; i++)
		close(s->credentials[i]);
	s->argv.credential_count = 0;
}

static int open_file(struct starting *s, const char *name, int flags, struct error **err)
{
	const char *path = machine_path(s->arena, s->machine, name);
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		error_set_errno(err, "cannot open '%s'", path);
	return fd;
}

/* A file in memory that any user may open through /proc, if he is given its descriptor. */
static int memory_file(const char *name, struct error **err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		error_set_errno(err, "cannot make a file in memory");
	return fd;
}

static bool copy(int from, int to, int64_t size)
{
	off_t at = 0;

	while (at < size) {
		ssize_t n = sendfile(to, from, &at, size - at);

		if (n == 0)
			errno = ESTALE; /* it became shorter */
		if (n == 0 || (n < 0 && errno != EINTR))
			return false;
	}
	return true;
}

/* QEMU opens kernel and initrd once more through /proc/self/fd, as its own user. */
static int open_readable(struct starting *s, const char *name, struct error **err)
{
	AUTO(fd) int fd = open_file(s, name, O_RDONLY, err);
	AUTO(fd) int memory = -1;
	struct stat st;

	if (fd < 0)
		return -1;
	if (!s->machine->uid || (fstat(fd, &st) == 0 && st.st_mode & S_IROTH))
		return fd_steal(&fd);
	memory = memory_file(name, err);
	if (memory < 0)
		return -1;
	if (copy(fd, memory, st.st_size))
		return fd_steal(&memory);
	error_set_errno(err, "cannot copy '%s' into memory", name);
	return -1;
}

static bool open_disk(struct starting *s, struct error **err)
{
	if (s->machine->base.disk_format) {
		s->argv.base_format = s->machine->base.disk_format;
		s->argv.base_fd = open_file(s, "base", O_RDONLY, err);
		if (s->argv.base_fd < 0)
			return false;
	}
	if (!s->argv.base_format && !file_exists(machine_path(s->arena, s->machine, "disk.qcow2")))
		return true;
	s->argv.overlay_fd = open_file(s, "disk.qcow2", O_RDWR, err);
	return s->argv.overlay_fd >= 0;
}

/* A kernel gives its timer a fixed number of its own loops to tick, and panics if it does not: on a
 * busy host an emulated one may be late. The parameter is what kernels themselves assume on KVM. */
static const char *cmdline_of(const struct starting *s)
{
	const char *given = s->machine->base.cmdline ? s->machine->base.cmdline : "";

	return arena_printf(s->arena, "%s%ssystemd.hostname=%s%s", given, *given ? " " : "",
		s->machine->name, s->accelerator.kvm ? "" : " no_timer_check");
}

static bool open_kernel(struct starting *s, struct error **err)
{
	const struct machine *m = s->machine;

	if (!m->base.kernel)
		return true;
	s->argv.cmdline = cmdline_of(s);
	s->argv.kernel_fd = open_readable(s, "kernel", err);
	if (s->argv.kernel_fd < 0 || !m->base.initrd)
		return s->argv.kernel_fd >= 0;
	s->argv.initrd_fd = open_readable(s, "initrd", err);
	return s->argv.initrd_fd >= 0;
}

static bool open_sockets(struct starting *s, struct error **err)
{
	s->argv.qmp_fd = socket_listen(s->machine->folder, "qmp.sock", err);
	if (s->argv.qmp_fd >= 0)
		s->argv.console_fd = socket_listen(s->machine->folder, "console.sock", err);
	if (s->argv.console_fd < 0)
		return false;
	s->argv.console_log_fd =
		open_file(s, "console.log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, err);
	if (s->argv.console_log_fd >= 0)
		s->log = open_file(s, "qemu.log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, err);
	return s->log >= 0;
}

static bool credential_add(struct starting *s, const char *text, struct error **err)
{
	int fd = memory_file("credential", err);

	if (fd < 0)
		return false;
	s->credentials[s->argv.credential_count++] = fd;
	if (fd_write_all(fd, text, strlen(text)))
		return true;
	error_set_errno(err, "cannot write a credential");
	return false;
}

static bool open_credentials(struct starting *s, struct error **err)
{
	const struct machine *m = s->machine;
	struct credentials c = {.user = m->settings.user, .keys = m->settings.keys};
	const char *login = keys_login(s->arena, m->state_dir, m->fleet, err);
	GPtrArray *strings;
	bool ok = true;

	c.login_key = login ? keys_public(s->arena, login, err) : NULL;
	if (!c.login_key || !keys_host_load(s->arena, m, &c.host_key, &c.host_key_public, err))
		return false;
	strings = credentials_format(&c, err);
	for (unsigned i = 0; ok && strings && i < strings->len && i < CREDENTIALS_MOST; i++)
		ok = credential_add(s, strings->pdata[i], err);
	if (!strings)
		return false;
	g_ptr_array_free(strings, TRUE);
	return ok;
}

/* Whoever looks whether it is held holds it for a moment himself. */
static bool take_alive(struct starting *s, struct error **err)
{
	int64_t end = clock_now() + ALIVE_LIMIT;

	s->alive = open_file(s, "alive.lock", O_RDWR | O_CREAT, err);
	if (s->alive < 0)
		return false;
	while (flock(s->alive, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || clock_now() >= end) {
			error_set(err, ERROR_CONFLICT, "its QEMU runs already");
			return false;
		}
		poll(NULL, 0, PAUSE);
	}
	return true;
}

static bool open_all(struct starting *s, struct error **err)
{
	s->folder = open(s->machine->folder, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (s->folder < 0) {
		error_set_errno(err, "cannot open '%s'", s->machine->folder);
		return false;
	}
	return take_alive(s, err) && open_disk(s, err) && open_kernel(s, err) &&
	       open_sockets(s, err) && (!s->machine->base.login || open_credentials(s, err));
}

static void fill_argv(struct starting *s, const char *binary)
{
	const struct machine *m = s->machine;

	s->argv.binary = binary;
	s->argv.label = arena_printf(s->arena, "%s/%s", m->fleet, m->name);
	s->argv.uuid = m->uuid;
	s->argv.mac = m->mac;
	s->argv.cpus = m->settings.cpus;
	s->argv.memory = m->settings.memory;
	s->argv.kvm = s->accelerator.kvm;
	s->argv.credential_fds = s->credentials;
	s->argv.ssh_port = m->ssh_port;
	s->argv.forwards = m->settings.forwards;
	s->argv.forward_count = m->settings.forward_count;
}

static void fill_keep(const struct starting *s, int *keep)
{
	const int all[] = {s->alive, s->argv.base_fd, s->argv.overlay_fd, s->argv.kernel_fd,
		s->argv.initrd_fd, s->argv.qmp_fd, s->argv.console_fd, s->argv.console_log_fd};
	size_t n = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		if (all[i] >= 0)
			keep[n++] = all[i];
	for (size_t i = 0; i < s->argv.credential_count; i++)
		keep[n++] = s->credentials[i];
	keep[n] = -1;
}

/* The group that may open /dev/kvm, where not everybody may. */
static int64_t kvm_group(const struct starting *s)
{
	struct stat st;

	if (!s->accelerator.kvm || stat("/dev/kvm", &st) < 0 || st.st_mode & S_IWOTH)
		return 0;
	return st.st_gid;
}

/* A port that is added while it runs may be a low one as well: then it needs a restart. */
static bool has_low_ports(const struct settings *s)
{
	for (size_t i = 0; i < s->forward_count; i++)
		if (s->forwards[i].host < IPPORT_RESERVED)
			return true;
	return false;
}

static bool execute(struct starting *s, struct process *process, struct error **err)
{
	AUTO(gfree) char *binary = g_find_program_in_path(program);
	int keep[KEEP_MOST];
	struct launch l = {.keep = keep, .log_fd = s->log, .folder_fd = s->folder, .boot = s->boot};
	GPtrArray *args;
	bool ok;

	if (!binary) {
		error_set(err, ERROR_MISSING, "'%s' is not installed", program);
		error_hint(err, "install the package qemu-system-x86");
		return false;
	}
	fill_argv(s, binary);
	fill_keep(s, keep);
	args = argv_format(&s->argv);
	l.argv = (const char *const *)args->pdata;
	l.accelerator = accelerator_format(s->arena, &s->accelerator);
	l.uid = s->machine->uid;
	l.group = kvm_group(s);
	l.low_ports = has_low_ports(&s->machine->settings);
	ok = launch(&l, process, err);
	g_ptr_array_free(args, TRUE);
	return ok;
}

/* The monitor's socket was there before QEMU was, so nothing is tried twice; when QEMU ends, so
 * does the connection. */
static bool await_running(const struct starting *s, struct error **err)
{
	AUTO(qmp) struct qmp *qmp = qmp_open(s->machine->folder, "qmp.sock", MONITOR_LIMIT, err);
	const struct value *status;
	const char *text;

	status = qmp ? qmp_call(qmp, s->arena, "query-status", NULL, MONITOR_LIMIT, err) : NULL;
	if (!status)
		return false;
	text = value_get_string(status, "status");
	if (!g_strcmp0(text, "running"))
		return true;
	error_set(err, ERROR_FAILED, "QEMU says '%s', not 'running'", text ? text : "nothing");
	return false;
}

static void tell_end(const struct starting *s, struct process *process, struct error **err)
{
	AUTO(error) struct error *late = NULL;
	AUTO(gfree) char *how = NULL;
	const char *tail;
	int status;

	if ((*err)->class == ERROR_UNAVAILABLE &&
		process_wait(process, MONITOR_LIMIT, &status, &late)) {
		how = process_status_text(status);
		error_clear(err);
		error_set(err, ERROR_FAILED, "QEMU did not start: %s", how);
	}
	process_close(process);
	tail = console_tail(s->arena, s->machine, "qemu.log", LOG_LINES);
	if (*tail)
		error_hint(err, "it said:\n%s", tail);
}

static bool run(struct starting *s, struct error **err)
{
	struct process process = {0, -1};
	bool ok = open_all(s, err) && execute(s, &process, err);

	close_all(s);
	if (!ok)
		return false;
	if (!await_running(s, err)) {
		tell_end(s, &process, err);
		return false;
	}
	scope_enter(s->machine, s->boot, process.pid);
	close(process.pidfd);
	return true;
}

/* While it was down, a stranger may have taken the port that it was given. */
static bool port_check(struct machine *m, struct error **err)
{
	if (!m->ssh_port || forward_free(m->ssh_port, false))
		return true;
	m->ssh_port = 0;
	return make_ports(m, NULL, err) && machine_save(m, err);
}

bool start(struct call *call, const struct object *object, struct machine *m, struct error **err)
{
	AUTO(gfree) char *boot = id_random();
	struct starting s = {.arena = call->arena, .machine = m, .boot = boot};

	s.folder = s.alive = s.log = -1;
	s.argv.base_fd = s.argv.overlay_fd = s.argv.kernel_fd = s.argv.initrd_fd = -1;
	s.argv.qmp_fd = s.argv.console_fd = s.argv.console_log_fd = -1;
	if (!accelerator_choose(
		    call->arena, m->state_dir, m->settings.accelerator, &s.accelerator, err))
		return false;
	emit_progress(
		call, object, "starting it (%s)", accelerator_format(call->arena, &s.accelerator));
	return port_check(m, err) && run(&s, err);
}
