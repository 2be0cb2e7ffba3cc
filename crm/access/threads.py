"""To whom a thread of questions belongs: nobody else can name it, let alone go on in it."""

import json
from hashlib import sha256

from crm.access.bindings import NOBODY
from crm.principal import Principal


def thread_key(principal: Principal, thread: str) -> str:
    """Return under which key a caller's thread is kept, different for every caller.

    The same name is another thread for another person. A channel's threads are its members' of
    the moment: once somebody joins or leaves, it begins anew, for what was said may hold what a
    newcomer must not read.
    """
    if principal.user_id is None:
        return f"owner:{thread}"
    if principal.user_id != NOBODY:
        return f"{principal.user_id}:{thread}"
    if principal.is_customer:
        return f"contact-{principal.contact_id or 'visitor'}:{thread}"
    members = sorted(scope.bindings.user_id for scope in principal.scopes)
    digest = sha256(json.dumps([principal.name, members]).encode()).hexdigest()[:16]
    return f"channel-{digest}:{thread}"
