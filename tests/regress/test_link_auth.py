"""The main job: psql prints a link, a person approves it in a browser, psql is in the database."""

import re

import pytest

from support.browser import visit
from support.cluster import PrintedLink, psql_environment
from support.paths import binary
from support.processes import free_port
from support.proxy import LinkWait, Proxy
from support.terminal import Terminal
from support.waiting import wait_until


@pytest.fixture(scope="module")
def person(cluster):
    """(e-mail, password) of the first user, whom `up` gave a grant."""
    return cluster.first_sign_in()


def approve(cluster, terminal, person, **options):
    """Approves what `terminal` printed; returns the link and the page."""
    link = PrintedLink(terminal)
    return link, visit("approve", link.url, *person, **options)


@pytest.mark.every_version
def test_approved_in_the_browser_psql_gets_its_result(cluster, person, pg_version):
    with cluster.psql("-A", "-t", application_name="demo") as psql:
        link, page = approve(cluster, psql, person, viewport="phone")
        assert page.phrase == link.phrase
        assert (page.role, page.database, page.target) == ("app", "app", "local")
        assert page.client_address.startswith("127.0.0.1")
        assert page.application_name == "demo"
        assert re.match(r"[12]:\d\d$", page.time_left)
        assert page.result_state in ("approved", "connected")
        assert page.problems == [] and not page.overflows

        approved = psql.expect(
            r"NOTICE:  Approved by (\S+): role (\S+), database (\S+), target (\S+)\."
        )
        assert approved.groups() == (person[0], "app", "app", "local")
        psql.send_line("SELECT 'user=' || current_user || ' sum=' || 40 + 2;")
        psql.expect(r"user=app sum=42")
        psql.send_line("SHOW server_version;")
        psql.expect(rf"(?m)^{pg_version}\.")
        psql.send_line(r"\q")
        assert psql.wait() == 0

    events = wait_until(
        lambda: "connected" in (names := cluster.api.event_names(link.id)) and names,
        what="the audit says connected",
    )
    assert events == ["requested", "opened", "approved", "connected"]


def test_what_is_printed_before(cluster):
    with cluster.psql() as psql:
        psql.expect(
            r"NOTICE:  Open this link to sign in \(expires in 2m\):\n\s+http://127\.0\.0\.1:\d+/s/"
        )
        psql.expect(r"DETAIL:  Requested: role app, database app, target \S+, from 127\.0\.0\.1\n")
        psql.expect(
            r"HINT:  The page must show this phrase: \w+ \w+ \d\d\. If it does not, close it\.\n"
        )


def test_denied_in_the_browser_psql_fails(cluster, person):
    with cluster.psql("-v", "VERBOSITY=verbose") as psql:
        link = PrintedLink(psql)
        page = visit("deny", link.url, *person, scheme="dark")
        assert page.result_state == "denied"
        psql.expect(rf"FATAL: +(28000: )?.*denied by {re.escape(person[0])}")
        assert psql.wait() == 2
    assert cluster.api.event_names(link.id) == ["requested", "opened", "denied"]


def test_the_page_in_light_and_dark(cluster, person):
    with cluster.psql() as psql:
        link = PrintedLink(psql)
        light = visit("open", link.url, *person, scheme="light", viewport="phone", name="light")
        dark = visit("open", link.url, *person, scheme="dark", viewport="phone", name="dark")
        assert light.can_approve and dark.can_approve
        assert light.background != dark.background
        assert not light.overflows and not dark.overflows


def test_the_decision_needs_no_mouse(cluster, person):
    with cluster.psql() as psql:
        link = PrintedLink(psql)
        page = visit("deny", link.url, *person, name="keyboard", keyboard=True)
        assert page.result_state == "denied"
        assert psql.wait() == 2


@pytest.fixture(scope="module")
def hasty(cluster, tmp_path_factory):
    """A second proxy of the same cluster, whose links live for three seconds only."""
    folder = tmp_path_factory.mktemp("hasty")
    config = {
        "listeners": [
            {
                "name": "link",
                "listen": f"127.0.0.1:{free_port()}",
                "auth": "link",
                "tls": {"certificate": "proxy.crt", "key": "proxy.key"},
            }
        ],
        "management": {
            "listen": f"127.0.0.1:{free_port()}",
            "jwt_public_key": str(cluster.directory / "keys" / "management.pub"),
            "allowed_targets": ["127.0.0.1:*"],
        },
        "link": {
            "url": cluster.web + "/s/",
            "api": cluster.web,
            "api_token_file": str(cluster.directory / "keys" / "proxy.token"),
            "instance": "local",
            "timeout": "3s",
        },
        "admin": {"listen": f"127.0.0.1:{free_port()}"},
        "log": {"format": "json"},
    }
    proxy = Proxy(folder, config).start()
    yield proxy
    assert proxy.stop() == 0
    proxy.log.assert_no_errors()


def test_nobody_approves_in_time(cluster, person, hasty):
    with cluster.psql(port=hasty.port("link"), sslrootcert=hasty.ca) as psql:
        link = PrintedLink(psql)
        psql.expect(r"FATAL: +.*not approved within 3s", timeout=15)
        assert psql.wait() == 2
    wait_until(
        lambda: cluster.api.event_names(link.id)[-1] == "expired", what="expired in the audit"
    )
    page = visit("approve", link.url, *person, name="expired")
    assert page.result_state == "expired" and not page.can_approve
    metrics = hasty.metrics()
    assert metrics.value("sluice_proxy_link_sessions_total", result="expired") >= 1
    assert hasty.pending_links() == 0


def test_the_expiry_has_its_sqlstate(hasty):
    with LinkWait(hasty, "link").client as client:
        error = client.error()
    assert (error["S"], error["V"], error["C"]) == ("FATAL", "FATAL", "57014")


def test_a_user_without_grant_cannot_approve(cluster, person):
    stranger = ("stranger@localhost", "a password of a stranger")
    cluster.add_user(*stranger)
    with cluster.psql("-A", "-t") as psql:
        link = PrintedLink(psql)
        page = visit("approve", link.url, *stranger, name="no-grant")
        assert page.result_state == "no_grant" and not page.can_approve
        assert "approved" not in cluster.api.event_names(link.id)

        # The grant comes, and the same person approves the same link.
        cluster.add_grant(stranger[0])
        page = visit("approve", link.url, *stranger, name="granted")
        assert page.result_state in ("approved", "connected")
        psql.expect(rf"Approved by {stranger[0]}: role app")
        psql.send_line("SELECT 6 * 7;")
        psql.expect(r"(?m)^42$")


def test_a_grant_is_for_its_role_and_database(cluster):
    limited = ("limited@localhost", "a password of somebody limited")
    cluster.add_user(*limited)
    cluster.add_grant(limited[0], database="other")
    with cluster.psql() as psql:
        link = PrintedLink(psql)
        assert visit("approve", link.url, *limited, name="other-grant").result_state == "no_grant"


def test_a_link_works_once(cluster, person):
    with cluster.psql("-A", "-t") as psql:
        link, _ = approve(cluster, psql, person)
        psql.expect(r"Approved by")
        wait_until(lambda: "connected" in cluster.api.event_names(link.id), what="connected")
        again = visit("approve", link.url, *person, name="used")
        assert not again.can_approve
        assert again.result_state in ("approved", "connected")
    assert cluster.api.event_names(link.id).count("approved") == 1


def test_the_first_signed_in_person_claims_the_link(cluster, person):
    other = ("second@localhost", "the password of a second person")
    cluster.add_user(*other)
    cluster.add_grant(other[0])
    with cluster.psql() as psql:
        link = PrintedLink(psql)
        assert visit("open", link.url, *person).can_approve
        page = visit("approve", link.url, *other, name="claimed")
        assert page.result_state == "claimed" and not page.can_approve
        assert page.phrase is None and page.role is None, "the details are the claimer's only"


def test_an_unknown_link(cluster, person):
    page = visit("open", f"{cluster.web}/s/{'0' * 26}", *person, name="unknown")
    assert page.result_state == "unknown" and not page.can_approve


def test_a_wrong_password_tells_nothing_of_the_link(cluster, person):
    with cluster.psql() as psql:
        link = PrintedLink(psql)
        page = visit("approve", link.url, person[0], "not the password", name="wrong-password")
        assert not page.signed_in and page.error
        assert page.phrase is None and page.role is None
        assert cluster.api.event_names(link.id) == ["requested"]


def test_a_killed_client_voids_its_link_within_a_second(cluster, person):
    psql = cluster.psql()
    link = PrintedLink(psql)
    psql.kill()
    wait_until(lambda: cluster.pending() == 0, timeout=1.0, what="no link is pending")
    wait_until(
        lambda: cluster.api.event_names(link.id) == ["requested", "abandoned"],
        timeout=1.0,
        what="the link is abandoned",
    )
    psql.close()
    page = visit("approve", link.url, *person, name="abandoned")
    assert page.result_state == "abandoned" and not page.can_approve


def test_control_c_voids_the_link_too(cluster):
    with cluster.psql() as psql:
        link = PrintedLink(psql)
        psql.interrupt()
        wait_until(lambda: cluster.api.event_names(link.id)[-1] == "abandoned", timeout=1.0)


def test_the_errors_of_the_database_arrive_untouched(cluster, person):
    """The database does not exist: PostgreSQL's own words, not the proxy's."""
    with cluster.psql("-v", "VERBOSITY=verbose", dbname="missing") as psql:
        _, page = approve(cluster, psql, person, name="missing-database", later=40)
        assert page.database == "missing"
        assert "Look at your terminal" in page.result and "connecting now" not in page.result
        psql.expect(r'FATAL: +(3D000: )?database "missing" does not exist')
        assert psql.wait() == 2


def test_sluicectl_psql(cluster, person):
    command = [binary("sluicectl"), "psql", "--dir", cluster.directory, "--", "-X", "-A", "-t"]
    with Terminal(command, psql_environment()) as psql:
        approve(cluster, psql, person)
        psql.expect(r"Approved by")
        psql.send_line("SELECT 'in ' || current_database();")
        psql.expect(r"(?m)^in app$")
