/* Asks the processor to have objects in its caches before they are needed. Changes nothing; where it is not compiled, they come when they are read.

   Memory answers many requests at once about as fast as one. So what is asked for goes layer by layer over all objects: by the time
   a layer is read, in order to ask for the next, most of it has arrived. Nothing here calls Python code, so all objects stay alive. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ASK_FOR(address) __builtin_prefetch(address)
#else
#define ASK_FOR(address) ((void)(address))
#endif

#define LINE 64
#define MOST_BYTES 1024 /* of one object, or of what a list holds; more is hardly needed at once */
#define MOST_ITEMS 1024 /* of all lists together */

static inline void ask_for(const void *start, Py_ssize_t size)
{
    const char *end = (const char *)start + (size < MOST_BYTES ? size : MOST_BYTES);
    for (const char *at = start; at < end; at += LINE)
        ASK_FOR(at);
    if (size > 0)
        ASK_FOR(end - 1);
}

static inline void ask_for_places(PyObject *list)
{
    ask_for(((PyListObject *)list)->ob_item, PyList_GET_SIZE(list) * (Py_ssize_t)sizeof(PyObject *));
}

static inline void ask_for_whole(PyObject *object)
{
    if (PyList_CheckExact(object))
        ask_for_places(object);
    else if (PyBytes_CheckExact(object))
        ask_for(PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
    else if (PyDict_CheckExact(object))
        ask_for(((PyDictObject *)object)->ma_keys, 2 * LINE);
    else
        ask_for(object, Py_TYPE(object)->tp_basicsize);
}

static PyObject *prefetch(PyObject *module, PyObject *objects)
{
    (void)module;
    PyObject *items[MOST_ITEMS];
    Py_ssize_t count = 0;
    if (!PyList_CheckExact(objects))
        return PyErr_Format(PyExc_TypeError, "prefetch takes a list, not %.200s", Py_TYPE(objects)->tp_name);
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(objects); place++)
        ask_for_whole(PyList_GET_ITEM(objects, place));
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(objects); place++) {
        PyObject *list = PyList_GET_ITEM(objects, place);
        if (!PyList_CheckExact(list))
            continue;
        for (Py_ssize_t within = 0; within < PyList_GET_SIZE(list) && count < MOST_ITEMS; within++) {
            PyObject *item = PyList_GET_ITEM(list, within);
            if (item != Py_None) {
                ask_for(item, sizeof(PyListObject));
                items[count++] = item;
            }
        }
    }
    for (Py_ssize_t place = 0; place < count; place++)
        if (PyList_CheckExact(items[place]))
            ask_for_places(items[place]);
    for (Py_ssize_t place = 0; place < count; place++) {
        Py_ssize_t size = PyList_CheckExact(items[place]) ? PyList_GET_SIZE(items[place]) : 0;
        if (size) {
            /* Windows of time are read at their ends. */
            ASK_FOR(PyList_GET_ITEM(items[place], 0));
            ASK_FOR(PyList_GET_ITEM(items[place], size - 1));
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"prefetch", prefetch, METH_O, "Have the objects of a list in the processor's caches soon: lists with what they hold, in two layers, others by themselves."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.engine.prefetching", "Objects in the processor's caches.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_prefetching(void)
{
    return PyModule_Create(&definition);
}
