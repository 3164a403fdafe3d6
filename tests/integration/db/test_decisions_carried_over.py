"""What was decided before decisions were bound is bound by the migration, and its episode has ended."""

import psycopg

from service.db import migrate

DECIDED = """
INSERT INTO product (id, slug, title, created_at) OVERRIDING SYSTEM VALUE VALUES (7, 'shop', 'Shop', now());
INSERT INTO package (id, type, namespace, name, lower_name, words) OVERRIDING SYSTEM VALUE
    VALUES (7, 'npm', '', 'lodash', 'lodash', ''), (8, '', '', 'liblzma', 'liblzma', '');
INSERT INTO component (id, digest, package_id, version, purl, cpes, hashes, licence, supplier, distribution,
                       source_name, source_version, unevaluated) OVERRIDING SYSTEM VALUE
    SELECT id, gen_random_uuid(), id, '4.17.20', '', '[]', '[]', '', '', '', '', '', '' FROM package;
INSERT INTO osv_package (id, ecosystem, name) OVERRIDING SYSTEM VALUE VALUES (7, 'npm', 'lodash');
INSERT INTO advisory (id, osv_id, source, kind, modified, summary, severity, digest, record, key_version)
    OVERRIDING SYSTEM VALUE VALUES (7, 'GHSA-1', 'osv', 'vulnerability', now(), '', 'high', '', '{}', 1);
INSERT INTO vulnerability (id, name) OVERRIDING SYSTEM VALUE VALUES (7, 'CVE-1');
INSERT INTO vulnerability_advisory (vulnerability_id, advisory_id, relation) VALUES (7, 7, 'alias');
INSERT INTO match (component_id, advisory_id, certainty, rule, osv_package_id, lo_version, hi_version, fixed)
    VALUES (7, 7, 'certain', 'package:range', 7, '', '4.17.21', '4.17.21');
INSERT INTO incident (id, kind, vulnerability_id, title, severity, priority, status, opened_at, updated_at)
    OVERRIDING SYSTEM VALUE VALUES (7, 'vulnerability', 7, '', 'high', 'track*', 'resolved', now(), now());
INSERT INTO exposure (id, incident_id, product_id, team_id, owner_reason, origin, status, presence, priority, opened_at,
                      updated_at, ended_at)
    OVERRIDING SYSTEM VALUE SELECT 7, 7, 7, id, '', 'new', 'not_affected', 'present', 'track*', now(), now(), now()
    FROM team WHERE fallback;
INSERT INTO exposure_component (exposure_id, component_id) VALUES (7, 7), (7, 8);
INSERT INTO episode (exposure_id, number, opened_at) VALUES (7, 1, now());
INSERT INTO transition (incident_id, exposure_id, at, actor, step, from_status, to_status, reason, justification)
    VALUES (7, 7, now(), 'ann', 'not_affected', 'open', 'not_affected', 'dead code', 'code_not_reachable'),
           (7, 7, now(), 'ann', 'commented', NULL, NULL, 'still', NULL);
"""


def test_a_decision_is_carried_over_with_the_ranges_of_today(empty_database: str) -> None:
    migrate(empty_database, "0004")
    with psycopg.connect(empty_database) as connection:
        connection.execute(DECIDED)
    migrate(empty_database)
    with psycopg.connect(empty_database) as connection:
        made = connection.execute("SELECT to_status, reason, justification, decided_by, source, ended_at FROM decision")
        assert made.fetchall() == [("not_affected", "dead code", "code_not_reachable", "ann", "person", None)]
        bounds = connection.execute(
            "SELECT package_id, osv_package_id, lo_version, hi_version, hi_included, range"
            " FROM decision_bound ORDER BY package_id"
        )
        assert bounds.fetchall() == [
            (7, 7, "", "4.17.21", False, "vers:npm/<4.17.21"),
            (8, None, "4.17.20", "4.17.20", True, "vers:generic/4.17.20"),
        ]
        episode = connection.execute("SELECT outcome, ended_at IS NOT NULL FROM episode")
        assert episode.fetchall() == [("not_affected", True)]
