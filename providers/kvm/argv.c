/* One function for each piece of the machine. */
#include "argv.h"

#include <glib.h>

static void add(GPtrArray *args, const char *option, const char *format, ...) PRINTF(3, 4);

static void add(GPtrArray *args, const char *option, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	g_ptr_array_add(args, g_strdup(option));
	g_ptr_array_add(args, g_strdup_vprintf(format, list));
	va_end(list);
}

static void add_base(GPtrArray *args, const struct argv *a)
{
	g_ptr_array_add(args, g_strdup(a->binary));
	add(args, "-name", "%s", a->label);
	g_ptr_array_add(args, g_strdup("-nodefaults"));
	g_ptr_array_add(args, g_strdup("-no-user-config"));
	add(args, "-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	add(args, "-display", "none");
	add(args, "-machine", "q35");
	add(args, "-accel", "%s", a->kvm ? "kvm" : "tcg,thread=multi");
	add(args, "-cpu", "%s", a->kvm ? "host" : "max");
	add(args, "-smp", "%" G_GINT64_FORMAT, a->cpus);
	add(args, "-m", "%" G_GINT64_FORMAT "M", a->memory >> 20);
	add(args, "-uuid", "%s", a->uuid);
	add(args, "-rtc", "base=utc");
}

static void add_kernel(GPtrArray *args, const struct argv *a)
{
	if (a->kernel_fd < 0)
		return;
	add(args, "-kernel", "/proc/self/fd/%d", a->kernel_fd);
	if (a->initrd_fd >= 0)
		add(args, "-initrd", "/proc/self/fd/%d", a->initrd_fd);
	add(args, "-append", "%s", a->cmdline);
}

static void add_base_nodes(GPtrArray *args, const struct argv *a)
{
	bool qcow2 = g_str_equal(a->base_format, "qcow2");

	add(args, "-add-fd", "fd=%d,set=1", a->base_fd);
	add(args, "-blockdev",
		"{\"driver\":\"file\",\"node-name\":\"base-file\",\"filename\":\"/dev/fdset/1\","
		"\"read-only\":true}");
	add(args, "-blockdev",
		"{\"driver\":\"%s\",\"node-name\":\"base\",\"file\":\"base-file\","
		"\"read-only\":true%s}",
		a->base_format, qcow2 ? ",\"backing\":null" : "");
}

/* The chain is named node by node with every format said, so that no header is ever believed. */
static void add_disk(GPtrArray *args, const struct argv *a)
{
	if (a->overlay_fd < 0)
		return;
	if (a->base_format)
		add_base_nodes(args, a);
	add(args, "-add-fd", "fd=%d,set=2", a->overlay_fd);
	add(args, "-blockdev",
		"{\"driver\":\"file\",\"node-name\":\"disk-file\",\"filename\":\"/dev/fdset/2\","
		"\"discard\":\"unmap\"}");
	add(args, "-blockdev",
		"{\"driver\":\"qcow2\",\"node-name\":\"disk\",\"file\":\"disk-file\","
		"\"backing\":%s,\"discard\":\"unmap\"}",
		a->base_format ? "\"base\"" : "null");
	add(args, "-device", "virtio-blk-pci,drive=disk,id=disk0,serial=disk,bootindex=1");
}

static void add_network(GPtrArray *args, const struct argv *a)
{
	GString *text = g_string_new("user,id=net0");

	if (a->ssh_port) {
		const struct forward ssh = {a->ssh_port, 22, false};
		AUTO(gfree) char *rule = forward_rule(&ssh);

		g_string_append_printf(text, ",hostfwd=%s", rule);
	}
	for (size_t i = 0; i < a->forward_count; i++) {
		AUTO(gfree) char *rule = forward_rule(&a->forwards[i]);

		g_string_append_printf(text, ",hostfwd=%s", rule);
	}
	add(args, "-netdev", "%s", text->str);
	add(args, "-device", "virtio-net-pci,netdev=net0,id=nic0,mac=%s,romfile=", a->mac);
	g_string_free(text, TRUE);
}

static void add_console(GPtrArray *args, const struct argv *a)
{
	add(args, "-add-fd", "fd=%d,set=3", a->console_log_fd);
	add(args, "-chardev",
		"socket,id=console,fd=%d,server=on,wait=off,logfile=/dev/fdset/3,logappend=on",
		a->console_fd);
	add(args, "-device", "isa-serial,chardev=console,id=serial0");
	add(args, "-chardev", "socket,id=qmp,fd=%d,server=on,wait=off", a->qmp_fd);
	add(args, "-mon", "chardev=qmp,mode=control");
}

GPtrArray *argv_format(const struct argv *a)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);

	add_base(args, a);
	add_kernel(args, a);
	for (size_t i = 0; i < a->credential_count; i++)
		add(args, "-smbios", "type=11,path=/proc/self/fd/%d", a->credential_fds[i]);
	add_disk(args, a);
	add_network(args, a);
	add(args, "-object", "rng-builtin,id=rng0");
	add(args, "-device", "virtio-rng-pci,rng=rng0");
	add_console(args, a);
	g_ptr_array_add(args, NULL);
	return args;
}
