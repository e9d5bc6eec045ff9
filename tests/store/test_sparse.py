"""Sparse matrices and arrays of SciPy come back as they were, and equal ones have equal bytes."""

import numpy as np
import pytest
import scipy.sparse as sp

from wingspan.errors import UnsupportedTypeError
from wingspan.store.annotation import TypeName
from wingspan.store.codec import check_type, decode, encode

DENSE = np.array([[0, 1.5, 0, 2], [0, 0, 0, 0], [3, 0, -0.0, 4]])
FORMATS = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
KINDS = [f"{form}_{family}" for form in FORMATS for family in ("array", "matrix")]


def back(value, tmp_path, name="value"):
    record = encode(value, tmp_path / name)
    found = decode(tmp_path / name, record)
    assert encode(found, tmp_path / f"{name}.again") == record
    return found, record["digest"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float64", "int8", "bool", "complex64"])
def test_a_sparse_matrix_comes_back(tmp_path, kind, dtype):
    """Class, dtype, shape, and values survive, with nothing in it too."""
    made = getattr(sp, kind)
    for number, dense in enumerate((DENSE, DENSE[:0], DENSE[:, :1], np.zeros((2, 3)))):
        value = made(dense.astype(dtype))
        found, _ = back(value, tmp_path, str(number))
        assert type(found) is made
        assert (found.dtype, found.shape) == (value.dtype, value.shape)
        assert np.array_equal(found.toarray(), value.toarray())
        assert found.nnz == value.nnz


def test_arrays_of_other_dimensions_come_back(tmp_path):
    """Vectors, and arrays of three axes, survive where SciPy has them."""
    cube = np.arange(24).reshape(2, 3, 4) % 5
    for number, value in enumerate((sp.coo_array([0, 2, 0]), sp.csr_array([0, 2, 0]), sp.coo_array(cube), sp.dok_array([0, 2]))):  # fmt: skip
        found, _ = back(value, tmp_path, str(number))
        assert type(found) is type(value)
        assert np.array_equal(found.toarray(), value.toarray())


def test_equal_matrices_have_equal_bytes_and_unequal_ones_do_not(tmp_path):
    """Neither the order of entries, nor entries that add up, nor what lies outside of a diagonal leave a trace."""
    rows, columns, data = [1, 0, 0], [2, 1, 0], [3, 2, 1]
    entries = [
        sp.coo_array((data, (rows, columns)), shape=(2, 3)),
        sp.coo_array((data[::-1], (rows[::-1], columns[::-1])), shape=(2, 3)),
        sp.coo_array(([1, 2, *data[:2]], ([1, 1, 1, 0], [2, 2, 2, 1])), shape=(2, 3)) - sp.coo_array(([3, -1], ([1, 0], [2, 0])), shape=(2, 3)),
    ]  # fmt: skip
    digests = [back(value.tocoo(), tmp_path, f"e{n}")[1] for n, value in enumerate(entries)]
    assert len(set(digests)) == 1
    unsorted = sp.csr_array((np.array([2, 1, 3]), np.array([1, 0, 2]), np.array([0, 2, 3])))
    wide = sp.csr_array(entries[0].tocsr())
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    assert len({back(v, tmp_path, n)[1] for n, v in {"u": unsorted, "w": wide}.items()}) == 1
    noisy = sp.dia_array(([[9, 1, 2], [3, 4, 9]], [1, -1]), shape=(3, 3))
    clean = sp.dia_array(([[3, 4], [0, 1]], [-1, 1]), shape=(3, 3))
    clean.data = np.array([[3, 4, 0], [0, 1, 2]])
    assert np.array_equal(noisy.toarray(), clean.toarray())
    assert back(noisy, tmp_path, "n")[1] == back(clean, tmp_path, "c")[1]
    others = [
        sp.csr_array(DENSE),
        sp.csr_matrix(DENSE),
        sp.csc_array(DENSE),
        sp.csr_array(DENSE.astype("f4")),
        DENSE,
    ]
    assert len({back(value, tmp_path, f"o{n}")[1] for n, value in enumerate(others)}) == 5


def test_a_matrix_that_is_stored_is_left_as_it_was(tmp_path):
    """Storing brings nothing into order in the user's own value."""
    value = sp.csr_array((np.array([2, 1]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))
    encode(value, tmp_path / "value")
    assert value.indices.tolist() == [1, 0]


class Special(sp.csr_array):
    """A class on top of SciPy's."""


def test_what_would_come_back_as_something_else_is_refused(tmp_path):
    """A class of another library, and long doubles, are refused with the place."""
    for value, words in (
        (Special(DENSE), "Special"),
        (sp.csr_array(DENSE.astype("g")), "longdoub|float128"),
    ):
        with pytest.raises(UnsupportedTypeError, match=rf"^value\[0\]: .*({words})"):
            encode([value], tmp_path / "value")
    assert list(tmp_path.iterdir()) == []


def test_a_step_may_declare_a_sparse_matrix():
    """The annotation is accepted, by the class and by the base of all arrays."""
    for name in ("scipy.sparse.csr_matrix", "scipy.sparse.sparray", "scipy.sparse.coo_array"):
        check_type(TypeName(name))
