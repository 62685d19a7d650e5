/* Asks the processor to have customers in its caches before they are needed. Changes nothing; where it is not compiled, they come when they are read.

   A customer is a place in the partition's memory, an object, and a dozen more that this points to. Each can only be asked for once the one
   that points to it is there. So customers go through a queue: while the objects of one are asked for, what points to them was asked for a few
   customers ago and has arrived by now. Nothing is waited for, and nothing here calls Python code, so all objects stay alive. */

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
#define APART 4         /* customers between one layer and the next */

#define MOST_PARTS 8

enum layer { PLACE, CUSTOMER, HEADS, BODIES, ENTRIES, ITEMS, LAYERS };

/* Where a compiled class keeps what is asked for, in bytes from the beginning of an object. It is found in an example. */
static PyTypeObject *place_type, *customer_type;
static Py_ssize_t customer_at, parts, part_at[MOST_PARTS];

static inline void ask_for(const void *start, Py_ssize_t size)
{
    const char *end = (const char *)start + (size < MOST_BYTES ? size : MOST_BYTES);
    for (const char *at = start; at < end; at += LINE)
        ASK_FOR(at);
    if (size > 0)
        ASK_FOR(end - 1);
}

static inline PyObject *held_at(PyObject *object, Py_ssize_t offset)
{
    return *(PyObject **)((char *)object + offset);
}

static inline void ask_for_places(PyObject *const *items, Py_ssize_t count, Py_ssize_t most)
{
    ask_for(items, Py_MIN(count * (Py_ssize_t)sizeof *items, most));
}

static void ask_for_body(PyObject *part)
{
    if (PyList_CheckExact(part))
        ask_for_places(((PyListObject *)part)->ob_item, PyList_GET_SIZE(part), MOST_BYTES);
    else if (PyTuple_CheckExact(part))
        ask_for_places(((PyTupleObject *)part)->ob_item, PyTuple_GET_SIZE(part), MOST_BYTES);
    else if (PyBytes_CheckExact(part))
        ask_for(PyBytes_AS_STRING(part), PyBytes_GET_SIZE(part));
    else if (PyDict_CheckExact(part))
        ask_for(((PyDictObject *)part)->ma_keys, 2 * LINE);
}

/* What a list holds, or what the lists in it hold. */
static void ask_for_entries(PyObject *list, int of_lists)
{
    for (Py_ssize_t within = 0; within < Py_MIN(PyList_GET_SIZE(list), MOST_BYTES / (Py_ssize_t)sizeof list); within++) {
        PyObject *entry = PyList_GET_ITEM(list, within);
        if (entry != Py_None && !of_lists)
            ask_for(entry, sizeof(PyListObject));
        else if (PyList_CheckExact(entry))
            ask_for_places(((PyListObject *)entry)->ob_item, PyList_GET_SIZE(entry), 2 * LINE);
    }
}

/* One layer of a customer, all before which were asked for already. Returns whether it is the last. */
static int ask_for_layer(PyObject *place, enum layer layer)
{
    if (place == Py_None)
        return 0;
    if (layer == PLACE)
        return ask_for(place, place_type->tp_basicsize), 0;
    PyObject *customer = Py_TYPE(place) == place_type ? held_at(place, customer_at) : NULL;
    if (customer == NULL || Py_TYPE(customer) != customer_type)
        return 0;
    if (layer == CUSTOMER)
        return ask_for(customer, customer_type->tp_basicsize), 0;
    for (Py_ssize_t number = 0; number < parts; number++) {
        PyObject *part = held_at(customer, part_at[number]);
        if (part == NULL)
            continue;
        if (layer == HEADS)
            ASK_FOR(part);
        else if (layer == BODIES)
            ask_for_body(part);
        else if (PyList_CheckExact(part))
            ask_for_entries(part, layer == ITEMS);
    }
    return layer == ITEMS;
}

static int positions_of(PyObject *const *arguments, Py_ssize_t count, Py_ssize_t *start, Py_ssize_t *stop)
{
    if (count != 3 || !PyList_CheckExact(arguments[0]))
        return PyErr_Format(PyExc_TypeError, "prefetch takes a list and two positions"), -1;
    *start = PyLong_AsSsize_t(arguments[1]);
    *stop = PyLong_AsSsize_t(arguments[2]);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *prefetch(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    Py_ssize_t start, stop;
    if (positions_of(arguments, count, &start, &stop) < 0)
        return NULL;
    Py_ssize_t size = PyList_GET_SIZE(arguments[0]), done = 0;
    for (Py_ssize_t last = Py_MAX(start, -(LAYERS - 1) * APART); place_type != NULL && last < Py_MIN(stop, size); last++)
        for (int layer = PLACE; layer < LAYERS; layer++) {
            Py_ssize_t position = last + (LAYERS - 1 - layer) * APART;
            if (position >= 0 && position < size)
                done += ask_for_layer(PyList_GET_ITEM(arguments[0], position), layer);
        }
    return PyLong_FromSsize_t(done);
}

static PyObject *prefetch_places(PyObject *module, PyObject *places)
{
    (void)module;
    if (!PyList_CheckExact(places))
        return PyErr_Format(PyExc_TypeError, "prefetch_places takes a list, not %.200s", Py_TYPE(places)->tp_name);
    for (Py_ssize_t place = 0; place_type != NULL && place < Py_MIN(PyList_GET_SIZE(places), 4096); place++)
        ask_for(PyList_GET_ITEM(places, place), place_type->tp_basicsize);
    Py_RETURN_NONE;
}

/* The only place in an object that holds `value`; -1 if there is none, or more than one. */
static Py_ssize_t offset_of(PyObject *object, PyObject *value)
{
    Py_ssize_t found = -1;
    for (Py_ssize_t at = sizeof(PyObject); at + (Py_ssize_t)sizeof value <= Py_TYPE(object)->tp_basicsize; at += sizeof value)
        if (held_at(object, at) == value) {
            if (found >= 0)
                return -1;
            found = at;
        }
    return found;
}

static PyObject *learn(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    if (count < 2 || count > 2 + MOST_PARTS)
        return PyErr_Format(PyExc_TypeError, "learn takes 2 to %d arguments, not %zd", 2 + MOST_PARTS, count);
    int is_known = (customer_at = offset_of(arguments[0], arguments[1])) >= 0;
    for (parts = 0; parts < count - 2; parts++)
        is_known &= (part_at[parts] = offset_of(arguments[1], arguments[2 + parts])) >= 0;
    Py_XSETREF(place_type, is_known ? (PyTypeObject *)Py_NewRef(Py_TYPE(arguments[0])) : NULL);
    Py_XSETREF(customer_type, is_known ? (PyTypeObject *)Py_NewRef(Py_TYPE(arguments[1])) : NULL);
    return PyBool_FromLong(is_known);
}

#define METHOD(name, how, doc) {#name, (PyCFunction)(void (*)(void))name, how, doc}

static PyMethodDef functions[] = {
    METHOD(prefetch, METH_FASTCALL, "Have what the places of a list hold from a position to before another in the processor's caches soon, and begin with those after. Returns how many customers that were."),
    METHOD(prefetch_places, METH_O, "Have these places themselves there soon."),
    METHOD(learn, METH_FASTCALL, "Learn from a place, its customer, and parts of this one, where places and customers keep them. Returns whether that is known now."),
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.engine.prefetching", "Objects in the processor's caches.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_prefetching(void)
{
    return PyModule_Create(&definition);
}
