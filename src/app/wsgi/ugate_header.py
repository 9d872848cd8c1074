"""What may stand in the head of an answer, and words for what may not."""

# All but control characters; a tab is none here (RFC 9110, section 5.5).
VISIBLE = bytes([char for char in range(256) if char == 9 or (char > 31 and char != 127)])
# RFC 9110, section 5.6.2.
TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MAX_DIGITS = 18


def check_head(status, headers, text, head, names):
    """
    Raises ValueError for a head that cannot be sent. `text` is it as str, `head` as bytes, `names` all names of its fields.
    Returns what Content-Length says (or None), and whether the head says where the body ends.
    """
    # One line a field: nobody has smuggled in another, nor anything else that steers.
    if head.translate(None, VISIBLE) != b"\r\n" * (len(headers) + 1) or names.translate(None, TOKEN) or "\r\n:" in text:
        raise explain_head(status, headers)
    code = status[:3]
    if len(code) != 3 or not code.isdecimal() or status[3:4] not in ("", " "):
        raise ValueError("start_response: the status is %r, not like '200 OK'" % status)
    if code < "200":
        raise ValueError("start_response: the status is %r, which is no answer" % status)
    lower = text.lower()
    is_coded = "\r\ntransfer-encoding: " in lower
    at = lower.find("\r\ncontent-length: ")
    if at == -1:
        return None, is_coded
    if is_coded:
        raise ValueError("start_response: there are both Content-Length and Transfer-Encoding")
    if lower.find("\r\ncontent-length: ", at + 1) != -1:
        raise ValueError("start_response: Content-Length is there twice")
    length = text[at + 18 : text.index("\r", at + 18)].strip()
    if not length.isdecimal() or len(length) > MAX_DIGITS:
        raise ValueError("start_response: Content-Length is %r" % length[:40])
    return int(length), True


def explain_head(status, headers):
    """What is wrong with the arguments of start_response, in words."""
    if not isinstance(status, str):
        return TypeError("start_response: the status is %r, not a str" % (status,))
    for field in headers:
        if not isinstance(field, (tuple, list)) or len(field) != 2:
            return TypeError("start_response: the header %r is not a pair of name and value" % (field,))
        for text in field:
            if not isinstance(text, str):
                return TypeError("start_response: %r in the header %r is not a str" % (text, field))
    for text in [status] + [text for field in headers for text in field]:
        if any(char in text for char in "\r\n\0"):
            return ValueError("start_response: %r holds a line break or NUL" % text)
        if any(char > "\xff" for char in text):
            return ValueError("start_response: %r cannot be sent as latin-1" % text)
        if text.encode("latin-1").translate(None, VISIBLE):
            return ValueError("start_response: %r holds a control character" % text)
    for name, _ in headers:
        if not name or name.encode("latin-1").translate(None, TOKEN):
            return ValueError("start_response: %r is no name of a header" % name)
    return ValueError("start_response: bad status or headers")
