/* Forgets windows that are over, as `Expiring` in `expiring.py` says, without an object for each window that is looked at. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

static const int64_t NEVER = 4611686018427387903;

/* How a memory expires: after which time, and where in it its times are (-1: it is the times, or begins with them). A time of 0: never. */
typedef struct {
    int64_t within, times_at;
} Span;

/* The times in an entry; NULL: it is unusual. */
static inline PyObject *times_of(PyObject *entry, int64_t times_at)
{
    if (!PyList_CheckExact(entry))
        return NULL;
    if (times_at < 0) {
        PyObject *first = PyList_GET_SIZE(entry) ? PyList_GET_ITEM(entry, 0) : NULL;
        return first != NULL && PyList_CheckExact(first) ? first : entry;
    }
    if (times_at >= PyList_GET_SIZE(entry))
        return NULL;
    PyObject *times = PyList_GET_ITEM(entry, times_at);
    return PyList_CheckExact(times) ? times : NULL;
}

static PyObject *forget(PyObject *module, PyObject *const *arguments, Py_ssize_t number)
{
    (void)module;
    if (number != 3 || !PyList_CheckExact(arguments[0]) || !PyBytes_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "forget takes a memory as a list, spans as bytes, and a time");
        return NULL;
    }
    PyObject *memory = arguments[0];
    const Span *spans = (const Span *)PyBytes_AS_STRING(arguments[1]);
    const Py_ssize_t most = PyBytes_GET_SIZE(arguments[1]) / (Py_ssize_t)sizeof(Span);
    const int64_t now = PyLong_AsLongLong(arguments[2]);
    if (now == -1 && PyErr_Occurred())
        return NULL;
    int64_t next = NEVER;
    for (Py_ssize_t place = 0; place < most && place < PyList_GET_SIZE(memory); place++) {
        PyObject *entry = PyList_GET_ITEM(memory, place);
        if (entry == Py_None || spans[place].within == 0)
            continue;
        PyObject *times = times_of(entry, spans[place].times_at);
        if (times == NULL)
            Py_RETURN_NONE;
        int64_t over = INT64_MIN;
        if (PyList_GET_SIZE(times)) {
            PyObject *last = PyList_GET_ITEM(times, PyList_GET_SIZE(times) - 1);
            int overflow = 1;
            const int64_t at = PyLong_CheckExact(last) ? PyLong_AsLongLongAndOverflow(last, &overflow) : 0;
            if (overflow || at > NEVER - spans[place].within)
                Py_RETURN_NONE;
            over = at + spans[place].within;
        }
        if (over <= now) {
            Py_INCREF(Py_None);
            PyList_SetItem(memory, place, Py_None);
        } else if (over < next)
            next = over;
    }
    return PyLong_FromLongLong(next);
}

static PyMethodDef functions[] = {
    {"forget", (PyCFunction)(void (*)(void))forget, METH_FASTCALL, "Forget windows that are over. When the next one is; None: something is unusual."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.engine.accumulators.expiry", "Forgets windows.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_expiry(void)
{
    return PyModule_Create(&definition);
}
