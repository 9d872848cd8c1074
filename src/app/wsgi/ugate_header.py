"""What may stand in the head of an answer, and words for what may not."""

import re

# RFC 9110, section 5.6.2 (token) and 5.5: no control character but the tab.
TOKEN = re.compile("[!#$%&'*+\\-.^_`|~0-9A-Za-z]+")
VALUE = re.compile("[^\0-\x08\x0a-\x1f\x7f]*")
STATUS = re.compile("[2-9][0-9][0-9](?: %s)?" % VALUE.pattern)
HEAD = re.compile("HTTP/1\\.1 %s\r\n(?:%s: %s\r\n)*" % (STATUS.pattern, TOKEN.pattern, VALUE.pattern))
MAX_DIGITS = 18


def check_head(status, headers, text):
    """
    Raises ValueError for a head, `text` as a whole, that cannot be sent.
    Returns what Content-Length says (or None), and whether the head says where the body ends.
    """
    # One line a field: nobody has smuggled in another.
    if HEAD.fullmatch(text) is None or text.count("\n") != len(headers) + 1:
        raise explain_head(status, headers)
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
        if VALUE.fullmatch(text) is None:
            return ValueError("start_response: %r holds a control character" % text)
    for name, _ in headers:
        if TOKEN.fullmatch(name) is None:
            return ValueError("start_response: %r is no name of a header" % name)
    if len(status) > 2 and status[:3].isdecimal() and status[:3] < "200":
        return ValueError("start_response: the status is %r, which is no answer" % status)
    return ValueError("start_response: the status is %r, not like '200 OK'" % status)
