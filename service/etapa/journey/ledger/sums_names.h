/* The names in the keys of sums: each once, with a number from 1 in the order of arrival. 0 stands for none.

A name that is the very same object as before is found by comparing addresses, any other by its text. */

#ifndef ETAPA_SUMS_NAMES
#define ETAPA_SUMS_NAMES

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST_NUMBERS 65535

typedef struct {
    PyObject **texts;  /* by number, from the first */
    uint16_t *index;   /* numbers by hash, in the same piece of memory */
    size_t count, room;
} names;

/* Hashes of text are well mixed already. */
static inline size_t hash_of_text(PyObject *text)
{
    Py_hash_t known = ((PyASCIIObject *)text)->hash;
    return (size_t)(known == -1 ? PyObject_Hash(text) : known);
}

static int make_room_for_name(names *all)
{
    if (all->count == MOST_NUMBERS) {
        PyErr_SetString(PyExc_OverflowError, "more names than numbers of 16 bits");
        return -1;
    }
    if (all->count < all->room)
        return 0;
    size_t room = all->room ? 2 * all->room : 8;
    PyObject **texts = PyMem_Calloc(room, sizeof(PyObject *) + 2 * sizeof(uint16_t));
    if (texts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    uint16_t *index = (uint16_t *)(texts + room);
    if (all->count)
        memcpy(texts, all->texts, all->count * sizeof(PyObject *));
    for (size_t number = 1; number <= all->count; number++) {
        size_t place = hash_of_text(texts[number - 1]) & (2 * room - 1);
        while (index[place])
            place = (place + 1) & (2 * room - 1);
        index[place] = (uint16_t)number;
    }
    PyMem_Free(all->texts);
    all->texts = texts;
    all->index = index;
    all->room = room;
    return 0;
}

/* The number of a name, which becomes the last if it is not there yet. -1: there is no memory, or there are too many. */
static int number_of(names *all, PyObject *text)
{
    size_t hash = hash_of_text(text);
    if (all->room) {
        size_t mask = 2 * all->room - 1;
        for (size_t place = hash & mask; all->index[place]; place = (place + 1) & mask) {
            PyObject *there = all->texts[all->index[place] - 1];
            if (there == text || (hash_of_text(there) == hash && PyUnicode_Compare(there, text) == 0))
                return all->index[place];
        }
    }
    if (make_room_for_name(all) < 0)
        return -1;
    size_t mask = 2 * all->room - 1, place = hash & mask;
    while (all->index[place])
        place = (place + 1) & mask;
    all->texts[all->count] = Py_NewRef(text);
    all->index[place] = (uint16_t)++all->count;
    return (int)all->count;
}

/* A name of a key: a text or none. */
static inline int number_of_name(names *all, PyObject *name)
{
    if (name == Py_None)
        return 0;
    if (PyUnicode_CheckExact(name))
        return number_of(all, name);
    PyErr_SetString(PyExc_TypeError, "a name of a key is neither text nor none");
    return -1;
}

/* In the order of their numbers. */
static PyObject *list_of_names(const names *all)
{
    PyObject *list = PyList_New((Py_ssize_t)all->count);
    for (size_t place = 0; list != NULL && place < all->count; place++)
        PyList_SET_ITEM(list, (Py_ssize_t)place, Py_NewRef(all->texts[place]));
    return list;
}

static void free_names(names *all)
{
    for (size_t place = 0; place < all->count; place++)
        Py_DECREF(all->texts[place]);
    PyMem_Free(all->texts);
}

#endif
