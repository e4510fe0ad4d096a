"""Serves the screens: finds the one of an address, its user and its form, and calls it.

Invariants: no screen is called without a session whose key is valid now; no action without a form
of that session, sent by a page of the console. What the API refuses is shown in words: the screen
again for an action, a page of its own for what cannot be shown.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec
from aiohttp import web
from yarl import URL

from holdfast_console.api import ApiAnswer, ApiProblem, PublishedApi, Send, sale_url
from holdfast_console.http.documents import (
    User,
    download_response,
    frame_values,
    page_response,
    see_other,
)
from holdfast_console.http.forms import PostedForm, query_values, read_form
from holdfast_console.http.services import CONSOLE, texts_of
from holdfast_console.http.session_cookies import (
    drop_session,
    keep_session,
    read_session,
    require_own_form,
    shows_session,
)
from holdfast_console.http.sign_in import sign_in_url
from holdfast_console.sale_form import label
from holdfast_console.screen import (
    ROOT,
    ConsolePage,
    Download,
    Redirect,
    Screen,
    ScreenAnswer,
    ScreenHandler,
    ScreenRequest,
    StreamedFile,
)
from holdfast_console.screens import SCREENS
from holdfast_console.sessions import ConsoleSession, Person
from holdfast_console.texts import Texts
from holdfast_web.credentials import API_KEYS, ApiKey, Role
from holdfast_web.problems import problem_response, to_error
from holdfast_web.request.in_process import call_route

ACTION: Final = "do"
MAX_KEY_ID_CHARS: Final = 64
"""of the ledger's columns"""


async def show(request: web.Request) -> web.StreamResponse:
    """Answers GET for a screen."""
    user = await _signed_in(request)
    if user is None:
        return _to_sign_in(request, request.path_qs)
    asked = _ask(request, user, PostedForm())
    if asked is None:
        return _not_found(request, user)
    screen, screen_request = asked
    return await _answer(request, user, screen_request, screen.show)


async def act(request: web.Request) -> web.StreamResponse:
    """POST of a screen's form: the action that it names."""
    require_own_form(request)
    user = await _signed_in(request)
    if user is None:
        return _to_sign_in(request, request.path)
    form = await read_form(request)
    asked = _ask(request, user, form)
    if asked is None:
        return _not_found(request, user)
    screen, screen_request = asked
    action = screen.actions.get(form.first.get(ACTION, ""))
    if not user.session.accepts(form.first.get("csrf", "")):
        action = _refuse
    if action is None:
        return _not_found(request, user)
    return await _answer(request, user, screen_request, _then_shown(screen, action))


async def _refuse(_: ScreenRequest) -> ScreenAnswer:
    """The action of a form without the token of the session."""
    raise ApiProblem(403, {"code": "cross_origin"})


def _then_shown(screen: Screen, action: ScreenHandler) -> ScreenHandler:
    """Does the action; when the API refuses it, answers the screen with the problem."""

    async def acting(request: ScreenRequest) -> ScreenAnswer:
        try:
            return await action(request)
        except ApiProblem as problem:
            shown = await screen.show(replace(request, problem=problem))
            if not isinstance(shown, ConsolePage):
                return shown
            values = {**shown.values, "problem": problem}
            return replace(shown, status=problem.status, values=values)

    return acting


async def _signed_in(request: web.Request) -> User | None:
    """The signed-in user; None without a session, or when its key is not valid any more."""
    session = read_session(request, request.app[CONSOLE].codec)
    if session is None:
        return None
    key = await _key_of(request, session)
    if key is None:
        return None
    wished = query_values(request).get("lang")
    if wished and wished != session.language:
        session = msgspec.structs.replace(session, language=texts_of(request, session).language)
    return User(session, key)


async def _key_of(request: web.Request, session: ConsoleSession) -> ApiKey | None:
    if session.person is not None:
        # Without a provider there is nobody any more who vouches for people.
        return person_key(session.person) if request.app[CONSOLE].provider else None
    return await request.app[API_KEYS](session.secret or "")


def person_key(person: Person) -> ApiKey:
    """The key that stands for a person. Its id, which the audit notes, has the subject, or the
    digest of one that is longer than ids of keys may be.
    """
    key_id = f"person:{person.subject}"
    if len(key_id) > MAX_KEY_ID_CHARS:
        digest = hashlib.sha256(person.subject.encode()).hexdigest()
        key_id = f"person:{digest}"[:MAX_KEY_ID_CHARS]
    return ApiKey(key_id, Role(person.role), person.name)


def _ask(request: web.Request, user: User, form: PostedForm) -> tuple[Screen, ScreenRequest] | None:
    """The screen of the address and its request; None where the address has no screen."""
    path = request.path.removeprefix(ROOT)
    for screen in SCREENS:
        places = screen.match(path)
        if places is not None:
            asked = ScreenRequest(
                api=PublishedApi(_sender(request, user.key)),
                texts=texts_of(request, user.session),
                role=user.key.role,
                path=places,
                parameters=query_values(request),
                form=form.first,
                every=form.every,
                files=form.files,
            )
            return screen, asked
    return None


def _sender(request: web.Request, key: ApiKey) -> Send:
    async def send(method: str, target: str, body: bytes, headers: Mapping[str, str]) -> ApiAnswer:
        url = URL(target, encoded=True)
        response = await call_route(request, key, method, url, body=body, headers=headers)
        content = response.body if isinstance(response, web.Response) else None
        body_read = content if isinstance(content, bytes) else b""
        return ApiAnswer(response.status, body_read, response.headers)

    return send


async def _answer(
    request: web.Request, user: User, asked: ScreenRequest, handler: ScreenHandler
) -> web.StreamResponse:
    """The response that a screen's answer becomes."""
    try:
        answer = await handler(asked)
        if isinstance(answer, ConsolePage):
            answer = replace(answer, values={"test_sale": await _is_test(asked), **answer.values})
        response = _response(request, user, asked, answer)
    except ApiProblem as problem:
        response = _problem(request, user, problem)
    changed = user.session.language is not None and "lang" in asked.parameters
    keep_session(response, request, request.app[CONSOLE].codec, user.session, changed=changed)
    return response


async def _is_test(asked: ScreenRequest) -> bool:
    """Whether the screen is of a test sale, which each of its pages says."""
    if "sale" not in asked.path:
        return False
    try:
        return bool((await asked.api.get(sale_url(asked.sale)))["test"])
    except ApiProblem:  # the page itself says what is wrong
        return False


def _response(
    request: web.Request, user: User, asked: ScreenRequest, answer: ScreenAnswer
) -> web.Response:
    if isinstance(answer, Redirect):
        return see_other(answer.path)
    if isinstance(answer, Download | StreamedFile):
        return download_response(answer)
    frame = frame_values(asked.texts, request.path, user, asked.path.get("sale"))
    done = f"done_{asked.parameters.get('done', '')}"
    problem = answer.values.get("problem", asked.problem)
    values = {
        **frame,
        "query": asked.parameters,
        "form": asked.form,
        "done": asked.texts(done) if asked.texts.has(done) else "",
        "problem": None if problem is None else problem_words(asked.texts, problem),
    }
    inner = {name: value for name, value in answer.values.items() if name != "problem"}
    return page_response(replace(answer, values=inner), values)


def problem_words(texts: Texts, problem: ApiProblem) -> str:
    """What the API refused, in words: the console's own where it has some, else the API's."""
    key = f"problem_{problem.code}"
    if problem.field and problem.detail not in ("", problem.field):
        return problem.detail
    return (
        texts(key, field=label(texts, problem.field))
        if texts.has(key)
        else problem.detail or problem.code
    )


def _problem(request: web.Request, user: User | None, problem: ApiProblem) -> web.Response:
    """A page of its own for what cannot be shown."""
    texts = texts_of(request, None if user is None else user.session)
    values = {"title": texts("problem_title"), "code": problem.code}
    frame = {
        **frame_values(texts, request.path, user),
        "problem": problem_words(texts, problem),
    }
    return page_response(ConsolePage("problem.html", values, problem.status), frame)


def _not_found(request: web.Request, user: User) -> web.Response:
    return _problem(request, user, ApiProblem(404, {"code": "not_found"}))


def _to_sign_in(request: web.Request, target: str) -> web.Response:
    response = see_other(sign_in_url(target))
    if shows_session(request):
        drop_session(response, request)
    return response


def fault_page(request: web.Request, fault: Exception) -> web.Response:
    """The page for an error that no screen has foreseen, with the status of its problem."""
    error = to_error(fault)
    document = {"code": error.code.value, "detail": error.detail}
    response = _problem(request, None, ApiProblem(error.code.status, document))
    retry = problem_response(error).headers.get("Retry-After")
    if retry is not None:
        response.headers["Retry-After"] = retry
    return response
