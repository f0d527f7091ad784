/* Functions of the extension twocooks._tables; spill_numpy.c says what they are for. */
#ifndef TWOCOOKS_SPILL_NUMPY_H
#define TWOCOOKS_SPILL_NUMPY_H
#include <Python.h>

PyObject *tc_py_spill_open(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *tc_py_spill_use(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *tc_py_spill_has(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *tc_py_spill_rest(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *tc_py_spill_tell(PyObject *module, PyObject *const *args, Py_ssize_t n);
#endif
