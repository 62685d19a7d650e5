/* Writes what a customer's state is made of, straight from the customer's values, as MessagePack. Unusual values are declined.

   `spelled_out` in `spelled_state.py` writes whatever is declined; for what is written here it gives the same bytes. */

#ifndef ETAPA_STATE_FIELDS
#define ETAPA_STATE_FIELDS

#include "message_pack.h"
#include "structs.h"

#define DEEPEST 32

/* A name, its number if it has one, or none. */
static int write_name(struct buffer *to, PyObject *name, PyObject *numbers)
{
    if (!PyUnicode_CheckExact(name))
        return name == Py_None && write_value(to, name, 0);
    PyObject *number = PyDict_GetItemWithError(numbers, name);
    return number != NULL ? write_value(to, number, 0) : !PyErr_Occurred() && write_text(to, name);
}

static int write_since(struct buffer *to, PyObject *told, int64_t later)
{
    const int64_t most = (int64_t)1 << 62;
    int64_t number;
    return integer_of(told, &number) && number >= -most && number <= most && later > -most && later < most && write_integer(to, later - number);
}

#define KEPT 256
#define NONE 255

/* The numbers of keys that were looked up last: nearly all customers have the keys of one program. */
static PyObject *kept_keys, *kept_numbers;
static unsigned char kept[KEPT];

static int keep_numbers_of(PyObject *keys, PyObject *numbers)
{
    if (keys == kept_keys && numbers == kept_numbers)
        return 1;
    Py_CLEAR(kept_keys);
    if (PyTuple_GET_SIZE(keys) > KEPT)
        return 0;
    for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(keys); place++) {
        int64_t number;
        PyObject *key = PyTuple_GET_ITEM(keys, place), *told = PyUnicode_CheckExact(key) ? PyDict_GetItemWithError(numbers, key) : NULL;
        if (PyErr_Occurred())
            return 0;
        kept[place] = told != NULL && integer_of(told, &number) && number >= 0 && number < 128 ? (unsigned char)number : NONE;
    }
    Py_XSETREF(kept_numbers, Py_NewRef(numbers));
    kept_keys = Py_NewRef(keys);
    return 1;
}

static int write_memory(struct buffer *to, PyObject *memory, PyObject *keys, PyObject *numbers, int64_t clock)
{
    if (!PyList_CheckExact(memory) || !PyTuple_CheckExact(keys))
        return 0;
    Py_ssize_t entries = 0, size = Py_MIN(PyList_GET_SIZE(memory), PyTuple_GET_SIZE(keys));
    for (Py_ssize_t place = 0; place < size; place++)
        entries += PyList_GET_ITEM(memory, place) != Py_None;
    int is_kept = keep_numbers_of(keys, numbers), is_done = !PyErr_Occurred() && size == PyList_GET_SIZE(memory) && write_map_head(to, entries);
    for (Py_ssize_t place = 0; is_done && place < size; place++) {
        PyObject *entry = PyList_GET_ITEM(memory, place);
        if (entry == Py_None)
            continue;
        is_done = (is_kept && kept[place] != NONE ? write_integer(to, kept[place]) : write_name(to, PyTuple_GET_ITEM(keys, place), numbers))
            && (PyLong_CheckExact(entry) ? write_since(to, entry, clock) : !PyBool_Check(entry) && write_value(to, entry, DEEPEST));
    }
    return is_done;
}

static int write_before(struct buffer *to, PyObject *stage, PyObject *at, PyObject *rule, PyObject *numbers, int64_t entered_at)
{
    if (stage == Py_None)
        return write_value(to, stage, 0);
    return write_list_head(to, 3) && write_name(to, stage, numbers) && write_since(to, at, entered_at) && write_name(to, rule, numbers);
}

/* A number, or a `Course`: the way, the persona, and what is kept of those who left the ideal way, unless it is as usual. */
static int write_way(struct buffer *to, PyObject *way, PyObject *numbers)
{
    if (PyLong_CheckExact(way))
        return write_value(to, way, 0);
    int64_t ideal, furthest;
    if (!PyTuple_Check(way) || PyTuple_GET_SIZE(way) != 7)
        return 0;
    PyObject **of = &PyTuple_GET_ITEM(way, 0);
    if (!integer_of(of[2], &ideal) || !integer_of(of[4], &furthest) || !PyBytes_CheckExact(of[3]) || !PyBytes_CheckExact(of[5]))
        return 0;
    int is_on_it = of[6] == Py_None && ideal == 0 && furthest == -1 && PyBytes_GET_SIZE(of[3]) == 0 && PyBytes_GET_SIZE(of[5]) == 0;
    int is_done = write_list_head(to, is_on_it ? 2 : of[6] == Py_None ? 6 : 7) && write_value(to, of[0], 0) && write_name(to, of[1], numbers);
    if (is_done && !is_on_it)
        is_done = write_integer(to, ideal) && write_binary(to, of[3]) && write_integer(to, furthest) && write_binary(to, of[5]);
    if (is_done && of[6] != Py_None) {
        is_done = PyTuple_CheckExact(of[6]) && write_list_head(to, PyTuple_GET_SIZE(of[6]));
        for (Py_ssize_t place = 0; is_done && place < PyTuple_GET_SIZE(of[6]); place++)
            is_done = write_name(to, PyTuple_GET_ITEM(of[6], place), numbers);
    }
    return is_done;
}

/* Up to 63 bits as a number. More of them are bytes. */
static int write_visited(struct buffer *to, PyObject *visited)
{
    int64_t bits;
    return integer_of(visited, &bits) && bits >= 0 && write_integer(to, bits);
}

/* Of each trait the time and the value, in the order of `places`. */
static int write_traits(struct buffer *to, PyObject *told, PyObject *places, PyObject *numbers, int64_t clock)
{
    Py_ssize_t at = 0, next = 0;
    PyObject *name, *place;
    int is_done = PyDict_CheckExact(places) && 2 * PyDict_GET_SIZE(places) == PyTuple_GET_SIZE(told) && write_map_head(to, PyDict_GET_SIZE(places));
    for (; is_done && PyDict_Next(places, &next, &name, &place); at += 2)
        is_done = write_name(to, name, numbers) && write_list_head(to, 2) && write_since(to, PyTuple_GET_ITEM(told, at), clock)
            && write_value(to, PyTuple_GET_ITEM(told, at + 1), DEEPEST);
    return is_done;
}

enum value { VERSION, STAGE, DUE, ENTERED_AT, CLOCK, FIRST_AT, SEQUENCE, RECENT, MEMORY, KEYS, RULE,
             STAGE_BEFORE, AT_BEFORE, RULE_BEFORE, WAY, VISITED, TOLD, PLACES, OUTREACH, VALUES };

static int write_state(struct buffer *to, PyObject *const *of, PyObject *format, PyObject *numbers, const struct kinds *kinds)
{
    int64_t entered_at, clock;
    if (!PyDict_CheckExact(numbers) || !PyTuple_CheckExact(of[TOLD]) || !integer_of(of[ENTERED_AT], &entered_at) || !integer_of(of[CLOCK], &clock))
        return 0;
    int has_outreach = of[OUTREACH] != Py_None, has_traits = has_outreach || PyTuple_GET_SIZE(of[TOLD]) > 0;
    return write_list_head(to, 14 + has_traits + has_outreach) && write_value(to, format, 0) && write_value(to, of[VERSION], 0)
        && write_value(to, of[STAGE], 0) && write_value(to, of[DUE], 0) && write_integer(to, entered_at) && write_since(to, of[ENTERED_AT], clock)
        && write_since(to, of[FIRST_AT], entered_at) && write_value(to, of[SEQUENCE], 0) && write_binary(to, of[RECENT])
        && write_memory(to, of[MEMORY], of[KEYS], numbers, clock) && write_name(to, of[RULE], numbers)
        && write_before(to, of[STAGE_BEFORE], of[AT_BEFORE], of[RULE_BEFORE], numbers, entered_at)
        && write_way(to, of[WAY], numbers) && write_visited(to, of[VISITED])
        && (!has_traits || write_traits(to, of[TOLD], of[PLACES], numbers, clock)) && (!has_outreach || write_struct(to, of[OUTREACH], kinds, DEEPEST));
}

#endif
