/* A card that no driver has touched lets everything through; a driver that brings it up says what
 * it wants to hear, and QEMU tells of that. */
#include "card.h"

#include "base/text.h"
#include "qmp.h"

enum { MONITOR_LIMIT = 10000 };

static const char event[] = "NIC_RX_FILTER_CHANGED";

bool card_is_up(const struct value *filters)
{
	const struct value *filter = filters && filters->type == VALUE_LIST && filters->list.count
					     ? filters->list.items[0]
					     : NULL;
	const struct value *multicast = value_get_list(filter, "multicast-table");

	return filter && (!value_get_boolean(filter, "promiscuous", true) ||
				 (multicast && multicast->list.count > 0));
}

/* Asking also makes the next change an event. */
static bool look(struct qmp *qmp, bool *up, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *arguments = value_map(arena);
	const struct value *filters;

	value_set(arena, arguments, "name", value_string(arena, "nic0"));
	filters = qmp_call(qmp, arena, "query-rx-filter", arguments, MONITOR_LIMIT, err);
	*up = card_is_up(filters);
	return filters != NULL;
}

bool card_await(const struct machine *m, int64_t milliseconds, bool *up, struct error **err)
{
	int64_t end = clock_now() + milliseconds;
	AUTO(qmp) struct qmp *qmp = qmp_open(m->folder, "qmp.sock", MONITOR_LIMIT, err);

	*up = false;
	while (qmp && look(qmp, up, err)) {
		if (*up)
			return true;
		if (qmp_await(qmp, event, MAX(0, end - clock_now()), err))
			continue;
		if ((*err)->class != ERROR_TIMEOUT)
			return false;
		error_clear(err);
		return true;
	}
	return false;
}
