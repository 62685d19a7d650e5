/* Touchpoints and offers that are only noted while a batch is judged, and counted a thousand at once.

Between two of them, a worker uses more memory than the processor's caches hold, so that what counting one needs is far away each time. A
thousand in turn wait for it once. Before anything else is done with these sums, what is noted is counted, in the order of arrival. */

#ifndef ETAPA_SUMS_NOTING
#define ETAPA_SUMS_NOTING

#include "sums_counting.h"

#define MOST_NOTED 1024
#define TOGETHER 16
#define BITS_OF_KNOWN 8
#define KNOWN (1 << BITS_OF_KNOWN)

/* Asks for memory that will be read, or written, soon. Other compilers do without. */
#if defined(__GNUC__)
#define ask_for(address, is_written) __builtin_prefetch(address, is_written)
#else
#define ask_for(address, is_written) ((void)(address))
#endif

/* A key that was met once: persona and stage in one (a tuple), type and channel; or persona, campaign and outcome. */
struct note {
    PyObject *names[3];
    int32_t part;
};

/* The number of a name, or the two of persona and stage, found by the address of the object. */
struct known {
    PyObject *object; /* kept, so that no other comes to have its address */
    uint32_t numbers;
};

struct noted {
    struct known known[KNOWN];
    struct note notes[MOST_NOTED];
};

static inline int counts_touchpoints(const sums *self)
{
    return self->keys == 4 && self->named == 4 && self->figures == 1;
}

static inline int counts_offers(const sums *self)
{
    return self->keys == 3 && self->named == 3 && self->figures == 1;
}

/* -1: there is no memory, or it is no name. */
static int look_up(sums *self, PyObject *object, struct known *slot)
{
    int numbers;
    if (PyTuple_Check(object)) {
        int persona = number_of_name(&self->names, PyTuple_GET_ITEM(object, 0));
        int stage = persona < 0 ? -1 : number_of_name(&self->names, PyTuple_GET_ITEM(object, 1));
        if (stage < 0)
            return -1;
        slot->numbers = (uint32_t)persona << 16 | (uint32_t)stage;
    } else {
        if ((numbers = number_of_name(&self->names, object)) < 0)
            return -1;
        slot->numbers = (uint32_t)numbers;
    }
    Py_XSETREF(slot->object, Py_NewRef(object));
    return 0;
}

static inline int numbers_of(sums *self, PyObject *object, uint32_t *numbers)
{
    struct known *slot = self->noted->known + (((uint64_t)(uintptr_t)object >> 4) * 0x9E3779B97F4A7C15u >> (64 - BITS_OF_KNOWN));
    if (slot->object != object && look_up(self, object, slot))
        return -1;
    *numbers = slot->numbers;
    return 0;
}

/* The key of what was noted. */
static inline int key_of_note(sums *self, const struct note *note, key *of)
{
    uint32_t numbers[3];
    for (int name = 0; name < 3; name++)
        if (numbers_of(self, note->names[name], numbers + name))
            return -1;
    int column = self->keys == 4;
    *of = (key){of_part(note->part), 0};
    if (column)
        of->high |= numbers[0];
    else
        set_column(of, 0, numbers[0]);
    set_column(of, column + 1, numbers[1]);
    set_column(of, column + 2, numbers[2]);
    return 0;
}

/* Asks for the memory in which the row of a key is found, and then for the row. */
static inline void ask_for_place(const sums *self, key of)
{
    ask_for(self->counting->lately + hash_of(of) % LATELY, 1);
    if (self->index != NULL)
        ask_for(self->index + (hash_of(of) & self->mask), 0);
}

static inline void ask_for_row(const sums *self, key of)
{
    uint64_t hash = hash_of(of);
    const struct lately *entry = self->counting->lately + hash % LATELY;
    uint32_t row = entry->tag == (uint32_t)(hash >> 32) ? entry->row : self->index == NULL ? 0 : self->index[hash & self->mask] - 1;
    ask_for(row_at(self, row), 1);
}

/* Counts some, each once; all of them wait for memory together. */
static int count_some_notes(sums *self, const struct note *notes, unsigned count)
{
    key keys[TOGETHER];
    for (unsigned at = 0; at < count; at++) {
        if (key_of_note(self, notes + at, keys + at))
            return -1;
        ask_for_place(self, keys[at]);
    }
    for (unsigned at = 0; at < count; at++)
        ask_for_row(self, keys[at]);
    for (unsigned at = 0; at < count; at++) {
        int64_t *there = lately_counted(self, keys[at]);
        if (there == NULL)
            return -1;
        ++*there;
    }
    return 0;
}

/* Counts a key once at once. */
static int count_names(sums *self, PyObject *const *names)
{
    int split = self->keys == 4;
    PyObject *columns[4] = {split ? PyTuple_GET_ITEM(names[0], 0) : names[0], split ? PyTuple_GET_ITEM(names[0], 1) : NULL};
    columns[1 + split] = names[1];
    columns[2 + split] = names[2];
    int64_t *there = make_room_for(self, 1) ? NULL : counted_at(self, columns, 3 + split, 0);
    if (there != NULL)
        ++*there;
    return there == NULL ? -1 : 0;
}

static void let_go_of_notes(sums *self)
{
    for (unsigned at = 0; at < self->notes; at++)
        for (int name = 0; name < 3; name++)
            Py_DECREF(self->noted->notes[at].names[name]);
    self->notes = 0;
}

static void free_noted(sums *self)
{
    let_go_of_notes(self);
    for (int slot = 0; self->noted != NULL && slot < KNOWN; slot++)
        Py_XDECREF(self->noted->known[slot].object);
    PyMem_Free(self->noted);
}

static int count_notes(sums *self)
{
    int failed = make_room_for(self, self->notes);
    for (unsigned at = 0; !failed && at < self->notes; at += TOGETHER)
        failed = count_some_notes(self, self->noted->notes + at, self->notes - at < TOGETHER ? self->notes - at : TOGETHER);
    let_go_of_notes(self);
    return failed;
}

/* 0: all that was noted is counted; -1: there is no memory, or a segment had something else than names. */
static inline int settle_noted(sums *self)
{
    return self->notes ? count_notes(self) : 0;
}

/* The same, and afterwards no row is loose. */
static int settle_all(sums *self)
{
    return settle_noted(self) || settle(self) ? -1 : 0;
}

/* Whether one more can be noted: what is declined must be so at once, and not when it is counted. */
static inline int can_note(sums *self)
{
    if (self->noted == NULL && self->counting != NULL)
        self->noted = PyMem_Calloc(1, sizeof(struct noted)); /* without memory for it, each is counted by itself */
    return self->noted != NULL && self->most <= LARGEST - MOST_NOTED && self->names.count <= MOST_NUMBERS - 4 * MOST_NOTED;
}

/* Counts it once, now or later. The last two are checked to be names; so is the first, unless it is a tuple of two. */
static inline PyObject *note(sums *self, PyObject *const *names)
{
    int failed;
    if (can_note(self)) {
        struct note *made = self->noted->notes + self->notes++;
        *made = (struct note){{Py_NewRef(names[0]), Py_NewRef(names[1]), Py_NewRef(names[2])}, self->part};
        ask_for(made + 2, 1);
        failed = self->notes == MOST_NOTED && count_notes(self);
    } else
        failed = count_names(self, names);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static inline int is_name_or_none(PyObject *name)
{
    return name == Py_None || PyUnicode_CheckExact(name);
}

static PyObject *touch(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !counts_touchpoints(self) || !PyTuple_Check(arguments[0]) || PyTuple_GET_SIZE(arguments[0]) != 2
        || !is_name_or_none(arguments[1]) || !is_name_or_none(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "touch takes a segment, a type and a channel");
        return NULL;
    }
    return note(self, arguments);
}

static PyObject *offered(sums *self, PyObject *const *arguments, Py_ssize_t count)
{
    if (count != 3 || !counts_offers(self) || !is_name_or_none(arguments[0]) || !is_name_or_none(arguments[1]) || !is_name_or_none(arguments[2])) {
        PyErr_SetString(PyExc_TypeError, "offered takes a persona, a campaign and an outcome");
        return NULL;
    }
    return note(self, arguments);
}

#endif
