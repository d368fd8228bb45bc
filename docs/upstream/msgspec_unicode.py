"""Needs nothing. msgpack whose text is no UTF-8: is that a DecodeError?"""

import msgspec

try:
    msgspec.msgpack.decode(b"\xa2\xff\xfe", type=str)
except msgspec.DecodeError:
    print("DecodeError, as documented")
except ValueError as error:
    print(f"{type(error).__name__}, which is no msgspec.MsgspecError: {error}")
