"""How a scenario ends other than well."""


class Failure(Exception):
    """The program under test did something else than promised."""


class Late(Failure):
    """What has to happen has not, for longer than any busy machine takes."""


class Skip(Exception):
    """This machine cannot run the scenario; the text says what it lacks, as a probe found out."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def check_equal(got, wanted, text):
    if got != wanted:
        raise Failure(f"{text}: {got!r} instead of {wanted!r}")
