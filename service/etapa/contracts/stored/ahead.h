/* Asks for memory that will be read soon, so that nobody waits for it. Only objects that are alive are read; whatever is asked for need not
   be there, since nothing happens if it is not. */

#ifndef ETAPA_AHEAD
#define ETAPA_AHEAD

#include <Python.h>
#include <stdint.h>

#define LINE 64

#if defined(__GNUC__) && UINTPTR_MAX == UINT64_MAX
#define ASKS_AHEAD 1
#define ask_for(place) __builtin_prefetch(place)
#else
#define ASKS_AHEAD 0
#define ask_for(place) ((void)(place))
#endif

static inline void ask_for_bytes(const void *from, Py_ssize_t size)
{
    for (Py_ssize_t at = 0; at < size; at += LINE)
        ask_for((const char *)from + at);
}

/* Whatever the words of an object point to, whichever of them are addresses. */
static inline void ask_for_targets(PyObject *of)
{
#if ASKS_AHEAD
    const uintptr_t *words = (const uintptr_t *)of, *end = words + Py_TYPE(of)->tp_basicsize / (Py_ssize_t)sizeof *words;
    for (words += 2; words < end; words++)
        if (*words >> 16 != 0 && *words >> 47 == 0 && *words % 8 == 0)
            ask_for((const void *)*words);
#else
    (void)of;
#endif
}

static inline void ask_for_items(PyObject *of)
{
    if (PyList_CheckExact(of))
        ask_for_bytes(((PyListObject *)of)->ob_item, PyList_GET_SIZE(of) * (Py_ssize_t)sizeof(PyObject *));
    else if (PyBytes_CheckExact(of))
        ask_for_bytes(of, PyBytes_GET_SIZE(of));
    else if (PyDict_CheckExact(of)) {
        ask_for_bytes(((PyDictObject *)of)->ma_keys, 3 * LINE);
        ask_for(((PyDictObject *)of)->ma_values);
    }
    else if (PyTuple_Check(of))
        for (Py_ssize_t place = 0; place < PyTuple_GET_SIZE(of); place++)
            ask_for(PyTuple_GET_ITEM(of, place));
    else if (of != Py_None && !PyLong_CheckExact(of))
        ask_for_targets(of);
}

#endif
