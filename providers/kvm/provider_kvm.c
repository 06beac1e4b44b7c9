/* The provider of machines: QEMU, driven directly. */
#include "change.h"
#include "provider/provider.h"
#include "settings.h"
#include "view.h"
#include "wait.h"

enum {
	/* Each has a QEMU of its own, which is what a host runs out of first. */
	PARALLEL = 32,
	/* Both ways of a power-off may come to their limits. */
	CHANGE_LIMIT = 300000,
	WAIT_LIMIT = 600000,
};

static const struct provider_kind kinds[] = {
	{.name = "machine",
		.fields = settings_fields,
		.machine = true,
		.parallel = PARALLEL,
		.change_limit = CHANGE_LIMIT,
		.wait_limit = WAIT_LIMIT,
		.list = view_list,
		.read = view_read,
		.change = change_machines,
		.wait = wait_machines},
	{.name = NULL},
};

static const struct provider provider_kvm = {
	.name = "kvm", .version = PROVISION_VERSION, .kinds = kinds};

int main(int argc, char **argv)
{
	return provider_serve(&provider_kvm, argc, argv);
}
