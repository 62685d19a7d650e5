/* Looks over the values of a window, as `worked_out` in `estimated_sums.py` does, and declines what is not a plain number. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

static const double EXACT = 9007199254740992.0; /* Up to this, doubles hold every whole number. */

/* The number in an object; NaN: it is none that a double holds exactly. */
static inline double number_in(PyObject *object)
{
    if (PyFloat_CheckExact(object))
        return PyFloat_AS_DOUBLE(object);
    if (PyLong_CheckExact(object)) {
        double number = PyLong_AsDouble(object);
        if (fabs(number) <= EXACT && !(number == -1.0 && PyErr_Occurred()))
            return number;
        PyErr_Clear();
    }
    return (double)NAN;
}

static PyObject *look_over(PyObject *module, PyObject *values)
{
    (void)module;
    if (!PyList_CheckExact(values)) {
        PyErr_SetString(PyExc_TypeError, "look_over takes a list");
        return NULL;
    }
    double total = 0.0, size = 0.0, smallest = 0.0;
    for (Py_ssize_t place = 0; place < PyList_GET_SIZE(values); place++) {
        double number = number_in(PyList_GET_ITEM(values, place));
        if (isnan(number))
            Py_RETURN_NONE;
        total += number;
        size += fabs(number);
        if (number < smallest)
            smallest = number;
    }
    return Py_BuildValue("(ddd)", total, size, smallest);
}

static PyMethodDef functions[] = {
    {"look_over", look_over, METH_O, "The sum of a list of numbers, not rounded correctly, that of their absolute values, and the smallest of them and 0. None: one is odd."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "etapa.journey.engine.accumulators.summing", "Looks over values.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_summing(void)
{
    return PyModule_Create(&definition);
}
