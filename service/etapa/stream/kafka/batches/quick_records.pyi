from etapa.stream.protocol.records import Headers

def read_places(
    batch: bytes, count: int, first_offset: int, time: int, has_one_time: bool, /
) -> tuple[bytes, list[tuple[int, int]], dict[int, Headers]] | None: ...
