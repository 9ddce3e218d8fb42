"""Which passwords are good enough: long, and not the first that anybody would try."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sojourn.gate.signinrules import password_rule


def weakness(password: str, *, second: bool, about: Iterable[str]) -> str:
    """What is wrong with a new password, in one sentence; empty if nothing is. `about`: login, name and organization of whoever chooses it."""
    rule = password_rule()
    least = rule.beside_second if second else rule.alone
    if len(password) < least:
        return f"The password must have at least {least} characters. Three or four words that have nothing to do with each other are easy to remember."
    if len(password) > 1024:
        return "The password must have 1,024 characters or fewer."
    if len(set(password)) < 5:
        return "The password repeats too few characters. Choose one that is harder to guess."
    folded = password.casefold()
    guessed = {*rule.common, *(word for text in about for word in re.split(r"\W+", text.casefold()) if len(word) > 3)}
    left = folded
    for word in sorted(guessed, key=len, reverse=True):
        left = left.replace(word, "")
    if len(re.sub(r"[\d\W_]", "", left)) < min(6, least // 2) and any(word in folded for word in guessed):
        return "The password is little more than a common word, a name or the organization's. Choose one that is harder to guess."
    return ""
