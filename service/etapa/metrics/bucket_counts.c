/* Counts durations in the buckets of a histogram, thousands at once and with no object for any of them.

   `durations_between` in `tallies.py` does the same where this module is not compiled. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST_BOUNDS 64
#define SECOND 1e6

/* Adds to a number in a list. */
static int add_to(PyObject *counts, Py_ssize_t place, Py_ssize_t more)
{
    PyObject *added = PyLong_FromSsize_t(more), *sum = added == NULL ? NULL : PyNumber_Add(PyList_GET_ITEM(counts, place), added);
    Py_XDECREF(added);
    return sum == NULL ? -1 : PyList_SetItem(counts, place, sum);
}

static int read_bounds(PyObject *told, double *bounds)
{
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(told); place++) {
        bounds[place] = PyFloat_AsDouble(PyList_GET_ITEM(told, place));
        if (bounds[place] == -1.0 && PyErr_Occurred())
            return -1;
    }
    return 0;
}

/* The place of the first bound that is not below the value. */
static Py_ssize_t place_of(double value, const double *bounds, Py_ssize_t size)
{
    Py_ssize_t first = 0, end = size;
    while (first < end) {
        Py_ssize_t middle = (first + end) >> 1;
        if (bounds[middle] < value)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static PyObject *durations_between(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *told, *counts;
    Py_buffer durations;
    if (!PyArg_ParseTuple(arguments, "O!O!y*", &PyList_Type, &told, &PyList_Type, &counts, &durations))
        return NULL;
    Py_ssize_t size = PyList_GET_SIZE(told), found[MOST_BOUNDS + 1] = {0};
    double bounds[MOST_BOUNDS], total = 0.0;
    int is_done = 0;
    if (size > MOST_BOUNDS || PyList_GET_SIZE(counts) != size + 1)
        PyErr_Format(PyExc_ValueError, "%zd bounds, of at most %d, and %zd counts, of which there must be one more", size, MOST_BOUNDS,
                     PyList_GET_SIZE(counts));
    else
        is_done = read_bounds(told, bounds) == 0;
    for (Py_ssize_t at = 0; is_done && at + (Py_ssize_t)sizeof(int64_t) <= durations.len; at += sizeof(int64_t)) {
        int64_t duration;
        memcpy(&duration, (const char *)durations.buf + at, sizeof duration);
        double value = (double)duration / SECOND;
        found[place_of(value, bounds, size)]++;
        total += value;
    }
    PyBuffer_Release(&durations);
    for (Py_ssize_t place = 0; is_done && place <= size; place++)
        is_done = found[place] == 0 || add_to(counts, place, found[place]) == 0;
    return is_done ? PyFloat_FromDouble(total) : NULL;
}

static PyMethodDef methods[] = {
    {"durations_between", durations_between, METH_VARARGS,
     PyDoc_STR("See `tallies.durations_between`. Takes up to 64 bounds, one count more than bounds, and durations of 64 bits.")},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "bucket_counts", "See bucket_counts.c.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_bucket_counts(void)
{
    return PyModule_Create(&module);
}
