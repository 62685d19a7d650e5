from etapa.stream.protocol.records import Headers

def read_places(
    content: bytes, first: int, stop: int, count: int, first_offset: int, time: int, has_one_time: bool, /
) -> tuple[bytes, list[tuple[int, int]], dict[int, Headers]] | None: ...
