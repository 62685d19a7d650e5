from etapa.stream.kafka.partition.slice_size import SliceSize


def test_the_first_records_are_taken_by_ones_and_twos() -> None:
    slices = SliceSize()
    taken = []
    for _ in range(13):
        taken.append(slices.fitting(1_000_000))
        slices.took(taken[-1], 100 * taken[-1])
    assert taken == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2000, 2000]


def test_only_as_many_are_taken_as_fit_when_they_are_like_those_before() -> None:
    slices = SliceSize()
    for _ in range(10):
        slices.took(100, 100 * 10_000)
    assert slices.fitting(1_000_000) == 100
    assert slices.fitting(25_000) == 2
    assert slices.fitting(9_999) == 1


def test_a_small_record_among_large_ones_lets_hardly_more_be_taken() -> None:
    slices = SliceSize()
    for _ in range(10):
        slices.took(4, 4_000_000)
    slices.took(1, 200)
    assert slices.fitting(4_000_000) == 5


def test_a_large_record_among_small_ones_is_forgotten() -> None:
    slices = SliceSize()
    slices.took(1, 1_000_000)
    for _ in range(40):
        slices.took(100, 100 * 200)
    assert slices.fitting(4_000_000) == 2000


def test_records_without_any_bytes_fit_as_well() -> None:
    slices = SliceSize()
    slices.took(1, 0)
    assert slices.fitting(1) == 1
