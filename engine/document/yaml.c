/* libyaml's events into values.
 *
 * Everything but a syntax error is collected: parsing goes on with a stand-in, VALUE_UNKNOWN, which
 * no later check objects to. An alias shares its anchor's value, so nothing grows here; but whoever
 * walks over the value walks over all that is shared, so its size and depth are counted as if it
 * had been written out. */
#include "document/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "document/yaml_error.h"
#include "document/yaml_scalar.h"

/* Of more anchors none is suggested: the time would grow with errors times anchors. */
enum { SUGGESTED_MOST = 1000 };

static const char core[] = "tag:yaml.org,2002:";

struct parser {
	struct arena *arena;
	const struct source *source;
	struct diagnostics *diagnostics;
	yaml_parser_t yaml;
	GHashTable *anchors; /* of struct anchor, by name */
	size_t written;
	struct span largest; /* the alias that stands for most */
	size_t largest_size;
	bool stopped; /* nothing more can be read */
};

/* A value with where it stands (for an alias not where its value stands) and what it amounts to. */
struct node {
	struct value *value; /* NULL: stopped */
	struct span span;
	size_t size;
	int height; /* collections on the longest way down */
};

struct anchor {
	struct node node; /* its value is NULL until it is complete */
};

static struct span span_of(const struct parser *p, yaml_mark_t start, yaml_mark_t end)
{
	return (struct span){
		p->source, start.line + 1, start.column + 1, end.line + 1, end.column + 1};
}

static void stop_by_syntax(struct parser *p)
{
	const yaml_parser_t *y = &p->yaml;
	struct syntax_fault fault = {
		.problem = y->problem ? y->problem : "not enough memory",
		.line = y->problem_mark.line + 1,
		.column = y->problem_mark.column + 1,
	};

	if (y->context) {
		fault.context_line = y->context_mark.line + 1;
		fault.context_column = y->context_mark.column + 1;
	}
	syntax_error(p->source, &fault, p->diagnostics);
	p->stopped = true;
}

static bool next(struct parser *p, yaml_event_t *event)
{
	if (!p->stopped && !yaml_parser_parse(&p->yaml, event))
		stop_by_syntax(p);
	return !p->stopped;
}

/* Stands for what was wrong, which has been said. */
static struct value *stand_in(struct parser *p)
{
	return value_unknown(p->arena, "a correction");
}

static void unknown_tag(struct parser *p, struct span span, const char *tag)
{
	bool is_core = g_str_has_prefix(tag, core);

	diagnostic_add(p->diagnostics, span, "unknown tag '%s%s'", is_core ? "!!" : "",
		is_core ? tag + strlen(core) : tag);
	diagnostic_hint(
		p->diagnostics, "leave it out, or write a value that starts with '!' in quotes");
}

/* A list or a map may say that it is one. */
static void check_tag(struct parser *p, struct span span, const yaml_char_t *tag, const char *name)
{
	const char *text = (const char *)tag;

	if (!text || !strcmp(text, "!") ||
		(g_str_has_prefix(text, core) && !strcmp(text + strlen(core), name)))
		return;
	unknown_tag(p, span, text);
}

static bool type_of_tag(const char *tag, enum value_type *type)
{
	static const struct {
		const char *name;
		enum value_type type;
	} tags[] = {{"str", VALUE_STRING}, {"int", VALUE_INTEGER}, {"float", VALUE_NUMBER},
		{"bool", VALUE_BOOLEAN}, {"null", VALUE_NULL}};

	if (!strcmp(tag, "!")) {
		*type = VALUE_STRING;
		return true;
	}
	for (size_t i = 0; g_str_has_prefix(tag, core) && i < G_N_ELEMENTS(tags); i++) {
		if (strcmp(tag + strlen(core), tags[i].name) != 0)
			continue;
		*type = tags[i].type;
		return true;
	}
	return false;
}

static struct value *fault(struct parser *p, struct span span, enum scalar_fault fault)
{
	diagnostic_add(p->diagnostics, span,
		fault == SCALAR_RANGE ? "the number is out of range"
				      : "infinity and 'not a number' are no values here");
	diagnostic_hint(p->diagnostics, "write it in quotes if it is meant as text");
	return stand_in(p);
}

static struct value *plain(struct parser *p, const char *text, size_t length, struct span span)
{
	struct value *value = value_null(p->arena);
	enum scalar_fault wrong = scalar_resolve(text, length, value);

	if (wrong)
		return fault(p, span, wrong);
	return value->type == VALUE_STRING ? value_string_n(p->arena, text, length) : value;
}

static struct value *tagged(
	struct parser *p, const char *tag, const char *text, size_t length, struct span span)
{
	enum value_type type;
	struct value *value;

	if (!type_of_tag(tag, &type)) {
		unknown_tag(p, span, tag);
		return stand_in(p);
	}
	if (type == VALUE_STRING)
		return value_string_n(p->arena, text, length);
	value = plain(p, text, length, span);
	if (value->type == VALUE_INTEGER && type == VALUE_NUMBER)
		return value_number(p->arena, (double)value->integer);
	if (value->type == type || value->type == VALUE_UNKNOWN)
		return value;
	diagnostic_add(p->diagnostics, span, "'%s' is not %s", text, value_type_name(type));
	return stand_in(p);
}

static struct node scalar(struct parser *p, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	size_t length = event->data.scalar.length;
	struct node node = {.span = span_of(p, event->start_mark, event->end_mark), .size = 1};

	if (tag)
		node.value = tagged(p, tag, text, length, node.span);
	else if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		node.value = plain(p, text, length, node.span);
	else
		node.value = value_string_n(p->arena, text, length);
	node.value->span = node.span;
	return node;
}

static struct node wrong_node(struct parser *p, struct span span)
{
	struct node node = {.value = stand_in(p), .span = span, .size = 1};

	node.value->span = span;
	return node;
}

static void hint_anchor(struct parser *p, const char *name)
{
	AUTO(gfree) void *names = NULL;
	const char *near;

	if (diagnostics_count(p->diagnostics) > DIAGNOSTICS_KEPT ||
		g_hash_table_size(p->anchors) > SUGGESTED_MOST)
		return;
	names = g_hash_table_get_keys_as_array(p->anchors, NULL);
	near = text_suggest(name, names);
	if (near)
		diagnostic_hint(p->diagnostics, "did you mean '*%s'?", near);
	else
		diagnostic_hint(p->diagnostics,
			"an anchor stands before its aliases; write a value that starts with '*' "
			"in quotes");
}

static struct node alias(struct parser *p, const yaml_event_t *event, int depth)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct span span = span_of(p, event->start_mark, event->end_mark);
	const struct anchor *anchor = g_hash_table_lookup(p->anchors, name);
	struct node node;

	if (!anchor) {
		diagnostic_add(p->diagnostics, span, "there is no anchor '&%s' above", name);
		hint_anchor(p, name);
		return wrong_node(p, span);
	}
	if (!anchor->node.value) {
		diagnostic_add(p->diagnostics, span, "'*%s' lies inside what it stands for", name);
		diagnostic_also(p->diagnostics, anchor->node.span, "which starts here");
		return wrong_node(p, span);
	}
	if (depth + anchor->node.height > YAML_DEPTH_MOST) {
		diagnostic_add(p->diagnostics, span, "nested deeper than %d with what '*%s' holds",
			YAML_DEPTH_MOST, name);
		return wrong_node(p, span);
	}
	node = anchor->node;
	node.span = span;
	if (node.size > p->largest_size) {
		p->largest_size = node.size;
		p->largest = span;
	}
	return node;
}

static struct anchor *anchor_new(struct parser *p, const yaml_char_t *name, struct span span)
{
	struct anchor *anchor;

	if (!name)
		return NULL;
	anchor = arena_new_of(p->arena, struct anchor);
	anchor->node.span = span;
	g_hash_table_insert(p->anchors, arena_strdup(p->arena, (const char *)name), anchor);
	return anchor;
}

static struct node build(struct parser *p, yaml_event_t *event, int depth);

/* Saturates far above what is allowed, far below an overflow. */
static void count_in(struct node *node, const struct node *child)
{
	node->size = MIN(node->size + child->size, (size_t)1 << 40);
	node->height = MAX(node->height, child->height + 1);
	node->span.end_line = child->span.end_line;
	node->span.end_column = child->span.end_column;
}

static struct node begin(struct parser *p, const yaml_event_t *event, struct value *value)
{
	struct node node = {
		.value = value,
		.span = span_of(p, event->start_mark, event->end_mark),
		.size = 1,
		.height = 1,
	};

	return node;
}

/* A block ends with its last child: libyaml has it end where the next thing begins. */
static void finish(struct node *node, const yaml_event_t *end, bool flow)
{
	if (flow) {
		node->span.end_line = end->end_mark.line + 1;
		node->span.end_column = end->end_mark.column + 1;
	}
	node->value->span = node->span;
}

static struct node list(struct parser *p, const yaml_event_t *start, int depth)
{
	struct node node = begin(p, start, value_list(p->arena));
	bool flow = start->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	yaml_event_t event;

	check_tag(p, node.span, start->data.sequence_start.tag, "seq");
	while (next(p, &event)) {
		struct node item;

		if (event.type == YAML_SEQUENCE_END_EVENT) {
			finish(&node, &event, flow);
			yaml_event_delete(&event);
			return node;
		}
		item = build(p, &event, depth);
		if (!item.value)
			break;
		value_append(p->arena, node.value, item.value);
		count_in(&node, &item);
	}
	return (struct node){0};
}

/* `{{ x }}`, which templates of other tools have taught people to write. */
static bool is_template(const struct node *map, const struct node *key)
{
	return key->value->type == VALUE_MAP && key->span.line == map->span.line &&
	       key->span.column == map->span.column + 1;
}

static void wrong_key(struct parser *p, const struct node *map, const struct node *key)
{
	enum value_type type = key->value->type;

	if (type == VALUE_UNKNOWN)
		return;
	diagnostic_add(
		p->diagnostics, key->span, "a key must be a string, not %s", value_type_name(type));
	if (is_template(map, key))
		diagnostic_hint(p->diagnostics, "write a value with '{{' in quotes");
	else if (type != VALUE_LIST && type != VALUE_MAP)
		diagnostic_hint(p->diagnostics, "write it in quotes");
}

static bool is_merge(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && !event->data.scalar.tag &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       !strcmp((const char *)event->data.scalar.value, "<<");
}

/* The key's text, NULL when it can be none, after saying so. *key tells whether to go on. */
static const char *read_key(
	struct parser *p, const struct node *map, yaml_event_t *event, int depth, struct node *key)
{
	bool merge = is_merge(event);

	*key = build(p, event, depth);
	if (!key->value)
		return NULL;
	if (merge) {
		diagnostic_add(p->diagnostics, key->span, "'<<' does not merge maps here");
		diagnostic_hint(p->diagnostics,
			"write the keys out, or share a whole value by anchor and alias");
		return NULL;
	}
	if (key->value->type != VALUE_STRING) {
		wrong_key(p, map, key);
		return NULL;
	}
	if (!strcmp(key->value->text.bytes, "$unknown")) {
		diagnostic_add(p->diagnostics, key->span,
			"the key '$unknown' has a meaning of its own between programs");
		return NULL;
	}
	if (strlen(key->value->text.bytes) != key->value->text.length) {
		diagnostic_add(p->diagnostics, key->span, "a key cannot hold a NUL");
		return NULL;
	}
	return key->value->text.bytes;
}

/* Of two scalars neither can be believed, so the first goes too; a list or a map stays, for what
 * else may be wrong in it. */
static void add_member(struct parser *p, struct value *map, const char *name, struct span span,
	struct value *value)
{
	const struct member *first = value_member(map, name);
	struct value *kept = first ? first->value : NULL;

	if (!first) {
		value_set(p->arena, map, name, value);
		map->map.members[map->map.count - 1].key_span = span;
		return;
	}
	diagnostic_add(p->diagnostics, span, "the key '%s' is there twice", name);
	diagnostic_also(p->diagnostics, first->key_span, "first defined here");
	if (kept->type != VALUE_LIST && kept->type != VALUE_MAP)
		value_set(p->arena, map, name, stand_in(p));
}

static bool read_member(struct parser *p, struct node *map, yaml_event_t *event, int depth)
{
	struct node key, item;
	const char *name = read_key(p, map, event, depth, &key);

	if (!key.value || !next(p, event))
		return false;
	item = build(p, event, depth);
	if (!item.value)
		return false;
	if (name)
		add_member(p, map->value, name, key.span, item.value);
	count_in(map, &key);
	count_in(map, &item);
	return true;
}

static struct node map(struct parser *p, const yaml_event_t *start, int depth)
{
	struct node node = begin(p, start, value_map(p->arena));
	bool flow = start->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	yaml_event_t event;

	check_tag(p, node.span, start->data.mapping_start.tag, "map");
	while (next(p, &event)) {
		if (event.type == YAML_MAPPING_END_EVENT) {
			finish(&node, &event, flow);
			yaml_event_delete(&event);
			return node;
		}
		if (!read_member(p, &node, &event, depth))
			break;
	}
	return (struct node){0};
}

static struct node collection(struct parser *p, const yaml_event_t *event, int depth)
{
	struct span span = span_of(p, event->start_mark, event->end_mark);
	bool is_list = event->type == YAML_SEQUENCE_START_EVENT;
	struct anchor *anchor;
	struct node node;

	if (depth >= YAML_DEPTH_MOST) {
		diagnostic_add(p->diagnostics, span, "nested deeper than %d", YAML_DEPTH_MOST);
		p->stopped = true;
		return (struct node){0};
	}
	anchor = anchor_new(p,
		is_list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor,
		span);
	node = is_list ? list(p, event, depth + 1) : map(p, event, depth + 1);
	if (anchor)
		anchor->node = node;
	return node;
}

/* Takes what the event holds. `depth` counts the collections around it. */
static struct node build(struct parser *p, yaml_event_t *event, int depth)
{
	struct node node = {0};
	struct anchor *anchor;

	p->written++;
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		node = scalar(p, event);
		anchor = anchor_new(p, event->data.scalar.anchor, node.span);
		if (anchor)
			anchor->node = node;
		break;
	case YAML_ALIAS_EVENT:
		node = alias(p, event, depth);
		break;
	default:
		node = collection(p, event, depth);
		break;
	}
	yaml_event_delete(event);
	return node;
}

static bool size_check(struct parser *p, const struct node *root)
{
	if (root->size <= YAML_NODES_MOST && root->size <= 10 * p->written + 1000)
		return true;
	diagnostic_add(p->diagnostics, p->largest_size ? p->largest : root->span,
		"too large: aliases make more than ten times as many values as are written");
	diagnostic_hint(p->diagnostics, "write out, or leave out, what is shared most");
	return false;
}

/* Nothing but one document. */
static void end_check(struct parser *p)
{
	yaml_event_t event;

	if (!next(p, &event))
		return;
	if (event.type == YAML_DOCUMENT_START_EVENT) {
		diagnostic_add(p->diagnostics, span_of(p, event.start_mark, event.end_mark),
			"a second document in one file");
		diagnostic_hint(p->diagnostics, "a file holds one; put the other into its own");
	}
	yaml_event_delete(&event);
}

/* Events of the stream and the document, which carry nothing. */
static bool skip(struct parser *p, yaml_event_type_t *type)
{
	yaml_event_t event;

	if (!next(p, &event))
		return false;
	*type = event.type;
	yaml_event_delete(&event);
	return true;
}

static struct value *read_document(struct parser *p)
{
	yaml_event_type_t type;
	struct value *empty;
	struct node root;
	yaml_event_t event;

	if (!skip(p, &type) || !skip(p, &type))
		return NULL;
	if (type == YAML_STREAM_END_EVENT) {
		empty = value_null(p->arena);
		empty->span = (struct span){p->source, 1, 1, 1, 1};
		return empty;
	}
	if (!next(p, &event))
		return NULL;
	root = build(p, &event, 0);
	if (!root.value || !skip(p, &type))
		return NULL;
	end_check(p);
	return !p->stopped && size_check(p, &root) ? root.value : NULL;
}

struct value *yaml_parse(
	struct arena *arena, const struct source *source, struct diagnostics *diagnostics)
{
	struct parser p = {.arena = arena, .source = source, .diagnostics = diagnostics};
	struct value *value;

	if (!text_check(source, diagnostics))
		return NULL;
	if (!yaml_parser_initialize(&p.yaml)) {
		diagnostic_add(diagnostics, (struct span){.source = source}, "not enough memory");
		return NULL;
	}
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)source->text, source->length);
	p.anchors = g_hash_table_new(g_str_hash, g_str_equal);
	value = read_document(&p);
	g_hash_table_destroy(p.anchors);
	yaml_parser_delete(&p.yaml);
	return value;
}
