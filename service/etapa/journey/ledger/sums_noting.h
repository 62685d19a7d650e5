/* Touchpoints and offers that are only noted while a batch is judged, and counted a thousand at once.

Between two of them, a worker uses more memory than the processor's caches hold, so that what counting one needs is far away each time. A
thousand in turn wait for it once. Before anything else is done with these sums, what is noted is counted, in the order of arrival. */

#ifndef ETAPA_SUMS_NOTING
#define ETAPA_SUMS_NOTING

#include "sums_counting.h"

#define MOST_NOTED 1024
#define NOTED_AHEAD 8 /* so many are asked for before they are counted */

/* A key that was met once: persona and stage in one (a tuple), type and channel; or persona, campaign and outcome. */
struct noted {
    PyObject *names[3];
    int32_t part;
};

static inline int counts_touchpoints(const sums *self)
{
    return self->keys == 4 && self->named == 4 && self->figures == 1;
}

static inline int counts_offers(const sums *self)
{
    return self->keys == 3 && self->named == 3 && self->figures == 1;
}

/* The columns of what was noted. Returns how many. */
static inline int columns_noted(const sums *self, PyObject *const *names, PyObject **columns)
{
    int split = self->keys == 4;
    columns[0] = split ? PyTuple_GET_ITEM(names[0], 0) : names[0];
    columns[1] = split ? PyTuple_GET_ITEM(names[0], 1) : names[1];
    columns[1 + split] = names[1];
    columns[2 + split] = names[2];
    return 3 + split;
}

static inline int count_noted(sums *self, PyObject *const *names)
{
    PyObject *columns[4];
    int named = columns_noted(self, names, columns);
    int64_t *there = counted_at(self, columns, named, 0);
    if (there != NULL)
        ++*there;
    return there == NULL;
}

static inline void ask_for_noted(const sums *self, PyObject *const *names)
{
    PyObject *columns[4];
    int named = columns_noted(self, names, columns);
    if (self->counting != NULL)
        __builtin_prefetch(slot_of(self->counting, columns, named), 1);
}

static void free_noted(sums *self)
{
    for (unsigned at = 0; at < self->notes; at++)
        for (int name = 0; name < 3; name++)
            Py_DECREF(self->noted[at].names[name]);
    self->notes = 0;
}

static int count_all_noted(sums *self)
{
    int32_t part = self->part;
    int failed = make_room_for(self, self->notes);
    for (unsigned at = 0; !failed && at < self->notes; at++) {
        if (at + NOTED_AHEAD < self->notes)
            ask_for_noted(self, self->noted[at + NOTED_AHEAD].names);
        self->part = self->noted[at].part;
        failed = count_noted(self, self->noted[at].names);
    }
    self->part = part;
    free_noted(self);
    return failed ? -1 : 0;
}

/* 0: all that was noted is counted; -1: there is no memory, or a segment had something else than names. */
static inline int settle_noted(sums *self)
{
    return self->notes ? count_all_noted(self) : 0;
}

/* The same, and afterwards no row is loose. */
static int settle_all(sums *self)
{
    return settle_noted(self) || settle(self) ? -1 : 0;
}

/* Whether one more can be noted: what is declined must be so at once, and not when it is counted. */
static inline int can_note(sums *self)
{
    if (self->noted == NULL && self->count >= FEW)
        self->noted = PyMem_Malloc(MOST_NOTED * sizeof(struct noted)); /* without memory for it, each is counted by itself */
    return self->noted != NULL && self->most <= LARGEST - MOST_NOTED && self->names.count <= MOST_NUMBERS - 4 * MOST_NOTED;
}

/* Counts it once, now or later. The last two are checked to be names; so is the first, unless it is a tuple of two. */
static inline PyObject *note(sums *self, PyObject *const *names)
{
    int failed;
    if (can_note(self)) {
        struct noted *noted = self->noted + self->notes++;
        *noted = (struct noted){{Py_NewRef(names[0]), Py_NewRef(names[1]), Py_NewRef(names[2])}, self->part};
        __builtin_prefetch(noted + 2, 1);
        failed = self->notes == MOST_NOTED && count_all_noted(self);
    } else
        failed = make_room_for(self, 1) || count_noted(self, names);
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
