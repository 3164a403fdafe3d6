"""Make room for incidents that close on proof, and for the loops around them.

Why: each function below says it for its own tables.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    _restricted()
    _chained_audit()
    _teams()
    _ownership()
    _tickets()
    _decisions()
    _feedback()
    _proof()
    _declarations()
    _clocks()
    _vex()
    _episodes()


def downgrade() -> None:
    _without_episodes()
    _without_vex()
    _without_clocks()
    _without_declarations()
    _without_proof()
    _without_feedback()
    _without_decisions()
    _without_ownership()
    _without_teams()
    _without_tickets()
    _without_chained_audit()
    _without_restricted()


def _tickets() -> None:
    """Why: tickets elsewhere speak of our exposures, and each system has to be told what changed, once."""
    op.create_table('link',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('system', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('version_seen', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'closed', 'lost')", name=op.f('ck_link_state')),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_link_exposure_id_exposure')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link')),
    )
    op.create_index('uq_link_exposure_id_system', 'link', ['exposure_id', 'system'], unique=True)
    op.create_index('ix_link_system_key', 'link', ['system', 'key'])
    op.create_table('ticket_system',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('place', sa.Text(), nullable=False),
    sa.Column('login', sa.Text(), nullable=True),
    sa.Column('secret', sa.LargeBinary(), nullable=False),
    sa.Column('options', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('wanted', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('marker', sa.Text(), nullable=False),
    sa.Column('enabled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('heard_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reconciled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('waits_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('last_result', postgresql.JSONB(), nullable=True),
    sa.CheckConstraint("kind IN ('jira', 'github', 'gitlab', 'servicenow')", name=op.f('ck_ticket_system_kind')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_system')),
    )
    op.create_index('uq_ticket_system_name', 'ticket_system', ['name'], unique=True)
    op.create_table('ticket_work',
    sa.Column('system_id', sa.BigInteger(), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('told_id', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('run_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('creating_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_ticket_work_exposure_id_exposure')),
    sa.ForeignKeyConstraint(['system_id'], ['ticket_system.id'], name=op.f('fk_ticket_work_system_id_ticket_system'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('system_id', 'exposure_id', name=op.f('pk_ticket_work')),
    )
    op.create_index('ix_ticket_work_due', 'ticket_work', ['run_at'], postgresql_where=sa.text('run_at IS NOT NULL'))


def _without_tickets() -> None:
    op.drop_table('ticket_work')
    op.drop_table('ticket_system')
    op.drop_table('link')


def _teams() -> None:
    """Why: a team says whom to reach when it is silent, and who goes on where it ends."""
    op.add_column('team', sa.Column('chat', sa.Text(), nullable=True))
    op.add_column('team', sa.Column('on_call', sa.Text(), nullable=True))
    op.add_column('team', sa.Column('manager', sa.Text(), nullable=True))
    op.add_column('team', sa.Column('members', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('team', sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('team', sa.Column('successor_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f('fk_team_successor_id'), 'team', 'team', ['successor_id'], ['id'])
    op.create_check_constraint(op.f('ck_team_fallback_stays'), 'team', 'NOT (fallback AND retired_at IS NOT NULL)')
    op.create_check_constraint(op.f('ck_team_successor_is_another'), 'team', 'successor_id <> id')


def _without_teams() -> None:
    op.drop_constraint(op.f('ck_team_successor_is_another'), 'team')
    op.drop_constraint(op.f('ck_team_fallback_stays'), 'team')
    op.drop_constraint(op.f('fk_team_successor_id'), 'team')
    for column in ('successor_id', 'retired_at', 'members', 'manager', 'on_call', 'chat'):
        op.drop_column('team', column)


def _ownership() -> None:
    """Why: rules say who owns what, in an order of their own, and never undo what a person decided."""
    op.create_table('ownership_rule',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('product', sa.Text(), nullable=True),
    sa.Column('purl', sa.Text(), nullable=True),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('note', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('made_by', sa.Text(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('product IS NOT NULL OR purl IS NOT NULL', name=op.f('ck_ownership_rule_says_what')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_ownership_rule_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ownership_rule')),
    )
    op.create_index('uq_ownership_rule_position', 'ownership_rule', ['position'], unique=True)
    op.add_column('exposure', sa.Column('owner_manual', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.execute("UPDATE exposure SET owner_manual = true WHERE owner_reason LIKE 'assigned by %'")


def _without_ownership() -> None:
    op.drop_column('exposure', 'owner_manual')
    op.drop_index('uq_ownership_rule_position', 'ownership_rule')
    op.drop_table('ownership_rule')


def _restricted() -> None:
    """Why: an incident under embargo is seen by those who need to know, and by nobody else."""
    op.add_column('incident', sa.Column('restricted', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_index('ix_incident_restricted', 'incident', ['id'], postgresql_where=sa.text('restricted'))
    op.add_column('change', sa.Column('restricted', sa.Boolean(), server_default=sa.text('false'), nullable=False))


def _without_restricted() -> None:
    op.drop_column('change', 'restricted')
    op.drop_index('ix_incident_restricted', 'incident')
    op.drop_column('incident', 'restricted')


def _chained_audit() -> None:
    """Why: what was recorded stays as it was, and whoever tampers with it beside the service is found out.

    Rows that are there already are chained by the service, from the first on.
    """
    for column in ('key', 'address', 'request_id'):
        op.add_column('audit', sa.Column(column, sa.Text(), nullable=True))
    op.add_column('audit', sa.Column('seq', sa.BigInteger(), nullable=True))
    op.add_column('audit', sa.Column('prev', sa.LargeBinary(), nullable=True))
    op.add_column('audit', sa.Column('hash', sa.LargeBinary(), nullable=True))
    op.create_index('uq_audit_seq', 'audit', ['seq'], unique=True)
    op.create_index('ix_audit_unchained', 'audit', ['id'], postgresql_where=sa.text('seq IS NULL'))
    op.create_index('ix_audit_subject', 'audit', ['subject', 'id'])
    op.create_table('audit_chain',
    sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('last_seq', sa.BigInteger(), nullable=False),
    sa.Column('head', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_chain')),
    )
    op.execute(r"INSERT INTO audit_chain (id, last_seq, head) VALUES (1, 0, decode(repeat('00', 32), 'hex'))")
    # A row is touched once, when it takes its place in the chain; every role is refused the rest, the owner too.
    op.execute("""
        CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND NEW.seq IS NOT NULL
                AND (to_jsonb(OLD) - '{seq,prev,hash}'::text[]) = (to_jsonb(NEW) - '{seq,prev,hash}'::text[])
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'audit rows are only ever added' USING ERRCODE = 'insufficient_privilege';
        END
        $$
    """)
    op.execute("""
        CREATE TRIGGER audit_rows_stay BEFORE UPDATE OR DELETE ON audit
        FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()
    """)
    op.execute("""
        CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()
    """)


def _without_chained_audit() -> None:
    op.execute('DROP TRIGGER audit_is_not_emptied ON audit')
    op.execute('DROP TRIGGER audit_rows_stay ON audit')
    op.execute('DROP FUNCTION audit_is_append_only()')
    op.drop_table('audit_chain')
    op.drop_index('ix_audit_subject', 'audit')
    op.drop_index('ix_audit_unchained', 'audit')
    op.drop_index('uq_audit_seq', 'audit')
    for column in ('hash', 'prev', 'seq', 'request_id', 'address', 'key'):
        op.drop_column('audit', column)


def _decisions() -> None:
    """Why: what people decide holds for packages and versions, needs a second person where it says that nothing is to
    be done, and ends in the open; a plan says until when, a claim since when.

    What was decided before is carried over, for the ranges in which its components match today.
    """
    op.add_column('exposure', sa.Column('plan', sa.Text(), nullable=True))
    op.add_column('exposure', sa.Column('planned_for', sa.Date(), nullable=True))
    op.add_column('exposure', sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_exposure_claimed_at', 'exposure', ['claimed_at'], postgresql_where=sa.text("status = 'fix_claimed'"))
    op.create_index('ix_exposure_expires_at', 'exposure', ['expires_at'], postgresql_where=sa.text('expires_at IS NOT NULL'))
    op.create_table('decision',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('to_status', sa.Text(collation='C'), nullable=False),
    sa.Column('justification', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('evidence', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.Text(), nullable=False),
    sa.Column('decided_key_id', sa.BigInteger(), nullable=True),
    sa.Column('approved_by', sa.Text(), nullable=True),
    sa.Column('approved_key_id', sa.BigInteger(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('source', sa.Text(collation='C'), nullable=False),
    sa.Column('grounds', postgresql.JSONB(), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_reason', sa.Text(), nullable=True),
    sa.CheckConstraint("to_status IN ('not_affected', 'risk_accepted', 'resolved')", name=op.f('ck_decision_to_status')),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_decision_exposure_id_exposure')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decision')),
    )
    op.create_index('ix_decision_exposure_id', 'decision', ['exposure_id', 'id'])
    op.create_index('uq_decision_standing', 'decision', ['exposure_id'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('decision_bound',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('decision_id', sa.BigInteger(), nullable=False),
    sa.Column('package_id', sa.BigInteger(), nullable=False),
    sa.Column('osv_package_id', sa.BigInteger(), nullable=True),
    sa.Column('lo_version', sa.Text(collation='C'), nullable=False),
    sa.Column('hi_version', sa.Text(collation='C'), nullable=False),
    sa.Column('hi_included', sa.Boolean(), nullable=False),
    sa.Column('narrowed', sa.Text(), server_default=sa.text("''"), nullable=False),
    sa.Column('range', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['decision_id'], ['decision.id'], name=op.f('fk_decision_bound_decision_id_decision')),
    sa.ForeignKeyConstraint(['osv_package_id'], ['osv_package.id'], name=op.f('fk_decision_bound_osv_package_id_osv_package')),
    sa.ForeignKeyConstraint(['package_id'], ['package.id'], name=op.f('fk_decision_bound_package_id_package')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_decision_bound')),
    )
    op.create_index('ix_decision_bound_decision_id', 'decision_bound', ['decision_id'])
    op.create_table('proposal',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('to_status', sa.Text(collation='C'), nullable=False),
    sa.Column('justification', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('evidence', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('proposed_by', sa.Text(), nullable=False),
    sa.Column('proposed_key_id', sa.BigInteger(), nullable=False),
    sa.Column('proposed_by_cert', sa.Boolean(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('bounds', postgresql.JSONB(), nullable=False),
    sa.Column('grounds', postgresql.JSONB(), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_by', sa.Text(), nullable=True),
    sa.Column('outcome', sa.Text(collation='C'), nullable=True),
    sa.CheckConstraint('(ended_at IS NULL) = (outcome IS NULL)', name=op.f('ck_proposal_ends_somehow')),
    sa.CheckConstraint("outcome IN ('approved', 'declined', 'lapsed', 'replaced')", name=op.f('ck_proposal_outcome')),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_proposal_exposure_id_exposure')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_proposal')),
    )
    op.create_index('ix_proposal_exposure_id', 'proposal', ['exposure_id', 'id'])
    op.create_index('uq_proposal_waiting', 'proposal', ['exposure_id'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.execute("""
        INSERT INTO decision (exposure_id, to_status, justification, reason, evidence, expires_at, decided_by, decided_at,
                              source, grounds)
        SELECT exposure.id, exposure.status, last.justification, last.reason, last.evidence, exposure.expires_at,
               last.actor, last.at, 'person',
               jsonb_build_object('severity', incident.severity, 'priority', incident.priority,
                                  'known_exploited', incident.known_exploited, 'ranges', '[]'::jsonb)
        FROM exposure
        JOIN incident ON incident.id = exposure.incident_id
        JOIN LATERAL (
            SELECT * FROM transition
            WHERE transition.exposure_id = exposure.id AND transition.to_status = exposure.status
              AND transition.from_status IS DISTINCT FROM exposure.status
            ORDER BY transition.id DESC LIMIT 1
        ) last ON true
        WHERE exposure.status IN ('not_affected', 'risk_accepted')
    """)
    op.execute("""
        INSERT INTO decision_bound (decision_id, package_id, osv_package_id, lo_version, hi_version, hi_included, range)
        SELECT DISTINCT decision_id, package_id, osv_package_id, lo, hi, hi_included,
               'vers:' || coalesce(nullif(type, ''), 'generic') || '/' || CASE WHEN lo = hi AND lo <> '' THEN lo
               ELSE coalesce(nullif(concat_ws('|', nullif('>=' || lo, '>='), CASE WHEN hi = '' THEN NULL
               WHEN hi_included THEN '<=' || hi ELSE '<' || hi END), ''), '*') END
        FROM (
            SELECT decision.id AS decision_id, component.package_id, package.type, match.osv_package_id,
                   CASE WHEN listed AND match.lo_version = '' THEN component.version ELSE match.lo_version END AS lo,
                   CASE WHEN listed AND match.lo_version = '' THEN component.version ELSE match.hi_version END AS hi,
                   listed OR (match.fixed = '' AND match.hi_version <> '') AS hi_included
            FROM decision
            JOIN exposure ON exposure.id = decision.exposure_id
            JOIN incident ON incident.id = exposure.incident_id
            JOIN exposure_component ON exposure_component.exposure_id = exposure.id
            JOIN component ON component.id = exposure_component.component_id
            JOIN package ON package.id = component.package_id
            JOIN match ON match.component_id = component.id AND match.certainty = 'certain'
            CROSS JOIN LATERAL (SELECT match.rule LIKE '%version' AS listed) kind
            JOIN vulnerability_advisory ON vulnerability_advisory.advisory_id = match.advisory_id
             AND vulnerability_advisory.vulnerability_id = incident.vulnerability_id
        ) said
    """)
    op.execute("""
        INSERT INTO decision_bound (decision_id, package_id, lo_version, hi_version, hi_included, range)
        SELECT DISTINCT decision.id, component.package_id, component.version, component.version, true,
               'vers:' || coalesce(nullif(package.type, ''), 'generic') || '/' || component.version
        FROM decision
        JOIN exposure_component ON exposure_component.exposure_id = decision.exposure_id
        JOIN component ON component.id = exposure_component.component_id
        JOIN package ON package.id = component.package_id
        WHERE NOT EXISTS (
            SELECT FROM decision_bound
            WHERE decision_bound.decision_id = decision.id AND decision_bound.package_id = component.package_id
        )
    """)
    # What is not affected has ended; until now its episode ran on.
    op.execute("""
        UPDATE episode SET ended_at = coalesce(exposure.ended_at, exposure.updated_at), outcome = exposure.status,
                           acknowledged_at = exposure.acknowledged_at
        FROM exposure
        WHERE exposure.id = episode.exposure_id AND episode.ended_at IS NULL AND exposure.status = 'not_affected'
    """)
    op.execute("UPDATE exposure SET claimed_at = updated_at WHERE status = 'fix_claimed'")


def _without_decisions() -> None:
    op.drop_table('proposal')
    op.drop_table('decision_bound')
    op.drop_table('decision')
    op.drop_index('ix_exposure_expires_at', 'exposure')
    op.drop_index('ix_exposure_claimed_at', 'exposure')
    for column in ('claimed_at', 'planned_for', 'plan'):
        op.drop_column('exposure', column)


def _proof() -> None:
    """Why: a stream that went silent proves nothing; what came with a base waits for it; what merged says into what."""
    op.add_column('stream', sa.Column('stale_since', sa.DateTime(timezone=True), nullable=True))
    op.add_column('upload', sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('upload', sa.Column('phases', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('product', sa.Column('built_on_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f('fk_product_built_on_id'), 'product', 'stream', ['built_on_id'], ['id'])
    op.create_index('ix_product_built_on_id', 'product', ['built_on_id'], postgresql_where=sa.text('built_on_id IS NOT NULL'))
    for column in ('inherited_from_id', 'merged_into_id'):
        op.add_column('exposure', sa.Column(column, sa.BigInteger(), nullable=True))
        op.create_foreign_key(op.f(f'fk_exposure_{column}'), 'exposure', 'exposure', [column], ['id'])
        op.create_index(f'ix_exposure_{column}', 'exposure', [column], postgresql_where=sa.text(f'{column} IS NOT NULL'))
    # What merged before points to the exposure of the same product in the incident that survived.
    op.execute("""
        UPDATE exposure SET merged_into_id = survivor.id
        FROM incident, exposure AS survivor
        WHERE exposure.status = 'merged' AND incident.id = exposure.incident_id
        AND survivor.incident_id = incident.merged_into_id AND survivor.product_id = exposure.product_id
        AND survivor.status <> 'merged'
    """)


def _without_proof() -> None:
    for column in ('merged_into_id', 'inherited_from_id'):
        op.drop_index(f'ix_exposure_{column}', 'exposure')
        op.drop_constraint(op.f(f'fk_exposure_{column}'), 'exposure')
        op.drop_column('exposure', column)
    op.drop_index('ix_product_built_on_id', 'product')
    op.drop_constraint(op.f('fk_product_built_on_id'), 'product')
    op.drop_column('product', 'built_on_id')
    for column in ('phases', 'confirmed_at'):
        op.drop_column('upload', column)
    op.drop_column('stream', 'stale_since')


def _feedback() -> None:
    """Why: changes leave as webhooks and messages, whose state has to outlive a crash. What happened before stays in."""
    op.create_table('feedback_cursor',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=False),
    sa.Column('day', sa.Date(), nullable=True),
    sa.CheckConstraint("name IN ('webhooks', 'messages', 'digests')", name=op.f('ck_feedback_cursor_name')),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_feedback_cursor'))
    )
    op.create_table('webhook',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), server_default='', nullable=False),
    sa.Column('types', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('team_ids', sa.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('product_ids', sa.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('restricted', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('start_seq', sa.BigInteger(), nullable=False),
    sa.Column('enabled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('disabled_reason', sa.Text(), nullable=True),
    sa.Column('failing_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('held_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('succeeded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('key_id', sa.BigInteger(), nullable=True),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.BigInteger(), server_default=sa.text('1'), nullable=False),
    sa.ForeignKeyConstraint(['key_id'], ['api_key.id'], name=op.f('fk_webhook_key_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook'))
    )
    op.create_table('webhook_secret',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('webhook_id', sa.BigInteger(), nullable=False),
    sa.Column('scheme', sa.Text(), nullable=False),
    sa.Column('locked', sa.LargeBinary(), nullable=False),
    sa.Column('public_key', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('retires_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("scheme IN ('v1', 'v1a')", name=op.f('ck_webhook_secret_scheme')),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], name=op.f('fk_webhook_secret_webhook_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_secret'))
    )
    op.create_index('ix_webhook_secret_webhook_id', 'webhook_secret', ['webhook_id'], unique=False)
    op.create_table('delivery',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('webhook_id', sa.BigInteger(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=True),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('incident', sa.Text(), nullable=True),
    sa.Column('exposure', sa.Text(), nullable=True),
    sa.Column('product', sa.Text(), nullable=True),
    sa.Column('version', sa.BigInteger(), nullable=True),
    sa.Column('state', sa.Text(), server_default='waiting', nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'delivered', 'dead')", name=op.f('ck_delivery_state')),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], name=op.f('fk_delivery_webhook_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery'))
    )
    op.create_index('ix_delivery_due', 'delivery', ['webhook_id', 'due_at', 'id'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_index('ix_delivery_finished_at', 'delivery', ['finished_at'], unique=False, postgresql_where=sa.text("state <> 'waiting'"))
    op.create_index('ix_delivery_held', 'delivery', ['webhook_id'], unique=False, postgresql_where=sa.text('locked_until IS NOT NULL'))
    op.create_index('ix_delivery_webhook_id_id', 'delivery', ['webhook_id', 'id'], unique=False)
    op.create_index('uq_delivery_webhook_id_event_id', 'delivery', ['webhook_id', 'event_id'], unique=True)
    op.create_table('delivery_attempt',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('delivery_id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('duration_ms', sa.BigInteger(), nullable=False),
    sa.Column('status', sa.BigInteger(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('response', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['delivery.id'], name=op.f('fk_delivery_attempt_delivery_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery_attempt'))
    )
    op.create_index('ix_delivery_attempt_delivery_id', 'delivery_attempt', ['delivery_id', 'id'], unique=False)
    op.create_table('message',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('event_id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('incident_id', sa.BigInteger(), nullable=True),
    sa.Column('digest', sa.Date(), nullable=True),
    sa.Column('events', postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('state', sa.Text(), server_default='gathering', nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.CheckConstraint("channel IN ('mail', 'webhook', 'chat')", name=op.f('ck_message_channel')),
    sa.CheckConstraint("state IN ('gathering', 'sending', 'sent', 'dead')", name=op.f('ck_message_state')),
    sa.ForeignKeyConstraint(['incident_id'], ['incident.id'], name=op.f('fk_message_incident_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message'))
    )
    op.create_index('ix_message_due', 'message', ['due_at', 'id'], unique=False, postgresql_where=sa.text("state IN ('gathering', 'sending')"))
    op.create_index('ix_message_finished_at', 'message', ['finished_at'], unique=False, postgresql_where=sa.text("state IN ('sent', 'dead')"))
    op.create_index('ix_message_told', 'message', ['channel', 'recipient', 'incident_id', 'id'], unique=False)
    op.create_index('uq_message_digest', 'message', ['channel', 'recipient', 'digest'], unique=True, postgresql_where=sa.text('digest IS NOT NULL'))
    op.create_index('uq_message_gathering', 'message', ['channel', 'recipient', 'incident_id'], unique=True, postgresql_where=sa.text("state = 'gathering' AND incident_id IS NOT NULL"))
    op.execute("""
        INSERT INTO feedback_cursor (name, seq)
        SELECT name, coalesce((SELECT max(last_seq) FROM change_counter), 0)
        FROM unnest(ARRAY['webhooks', 'messages', 'digests']) AS name
    """)


def _without_feedback() -> None:
    for table in ('message', 'delivery_attempt', 'delivery', 'webhook_secret', 'webhook', 'feedback_cursor'):
        op.drop_table(table)


def _declarations() -> None:
    """Why: a CERT declares before any advisory exists, tells every team, hears them, and two people may close."""
    op.create_index('ix_advisory_declared', 'advisory', ['id'], postgresql_where=sa.text("source = 'own' AND (record -> 'database_specific') ? 'declaration'"))
    op.create_table('broadcast',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('incident_id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('request_key', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['incident_id'], ['incident.id'], name=op.f('fk_broadcast_incident_id_incident')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_broadcast')),
    )
    op.create_index('uq_broadcast_incident_id_request_key', 'broadcast', ['incident_id', 'request_key'], unique=True)
    op.create_index('ix_broadcast_incident_id', 'broadcast', ['incident_id', 'id'])
    op.create_table('broadcast_team',
    sa.Column('broadcast_id', sa.BigInteger(), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('audience', sa.Text(collation='C'), nullable=False),
    sa.Column('products', postgresql.JSONB(), nullable=False),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('acknowledged_by', sa.Text(), nullable=True),
    sa.CheckConstraint("audience IN ('act', 'confirm', 'clear')", name=op.f('ck_broadcast_team_audience')),
    sa.ForeignKeyConstraint(['broadcast_id'], ['broadcast.id'], name=op.f('fk_broadcast_team_broadcast_id_broadcast')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_broadcast_team_team_id_team')),
    sa.PrimaryKeyConstraint('broadcast_id', 'team_id', name=op.f('pk_broadcast_team')),
    )
    op.create_index('ix_broadcast_team_team_id', 'broadcast_team', ['team_id'])
    op.create_table('incident_answer',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('incident_id', sa.BigInteger(), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('affected', sa.Boolean(), nullable=False),
    sa.Column('sentence', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['incident_id'], ['incident.id'], name=op.f('fk_incident_answer_incident_id_incident')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_incident_answer_product_id_product')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident_answer')),
    )
    op.create_index('ix_incident_answer_incident_id', 'incident_answer', ['incident_id', 'product_id', 'id'])
    op.create_table('closing',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('incident_id', sa.BigInteger(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('proposed_by', sa.Text(), nullable=False),
    sa.Column('proposer_key_id', sa.BigInteger(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('standing', postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('agreed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('agreed_by', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['incident_id'], ['incident.id'], name=op.f('fk_closing_incident_id_incident')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_closing')),
    )
    op.create_index('ix_closing_incident_id', 'closing', ['incident_id', 'id'])


def _without_declarations() -> None:
    for table in ('closing', 'incident_answer', 'broadcast_team', 'broadcast'):
        op.drop_table(table)
    op.drop_index('ix_advisory_declared', 'advisory')


def _clocks() -> None:
    """Why: priorities are decided for each product by published tables and show their inputs; clocks pause and escalate.

    Decisions made before are made anew by the clock's job, which finds them by their missing facts.
    """
    op.add_column('incident', sa.Column('priority_facts', postgresql.JSONB(), nullable=True))
    op.create_index('ix_incident_undecided', 'incident', ['id'],
        postgresql_where=sa.text("priority_facts IS NULL AND status <> 'merged'"))
    op.add_column('exposure', sa.Column('priority_inputs', postgresql.JSONB(), nullable=True))
    op.add_column('exposure', sa.Column('acknowledge_from_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('exposure', sa.Column('remediate_from_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_exposure_acknowledge_due_at', 'exposure', ['acknowledge_due_at'],
        postgresql_where=sa.text("status = 'open' AND acknowledged_at IS NULL"))
    op.create_index('ix_exposure_remediate_due_at', 'exposure', ['remediate_due_at'],
        postgresql_where=sa.text("status IN ('open', 'acknowledged', 'in_progress', 'fix_claimed')"))
    op.create_table('pause',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('episode', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(collation='C'), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('made_by', sa.Text(), nullable=False),
    sa.Column('from_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_by', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_because', sa.Text(), nullable=True),
    sa.CheckConstraint("kind IN ('awaiting_upstream', 'awaiting_decision')", name=op.f('ck_pause_kind')),
    sa.CheckConstraint('from_at < ends_by AND until_at BETWEEN from_at AND ends_by', name=op.f('ck_pause_ends_after_it_begins')),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_pause_exposure_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pause')),
    )
    op.create_index('uq_pause_running', 'pause', ['exposure_id'], unique=True, postgresql_where=sa.text('until_at IS NULL'))
    op.create_index('ix_pause_exposure_id', 'pause', ['exposure_id', 'episode'])
    op.create_table('escalation',
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('episode', sa.BigInteger(), nullable=False),
    sa.Column('clock', sa.Text(collation='C'), nullable=False),
    sa.Column('level', sa.Text(collation='C'), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('skipped', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.CheckConstraint("clock IN ('acknowledge', 'remediate')", name=op.f('ck_escalation_clock')),
    sa.CheckConstraint("level IN ('team', 'on-call', 'manager', 'cert')", name=op.f('ck_escalation_level')),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_escalation_exposure_id')),
    sa.PrimaryKeyConstraint('exposure_id', 'episode', 'clock', 'level', name=op.f('pk_escalation')),
    )
    op.create_table('exposure_clock',
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('episode', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(collation='C'), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('met_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('met_by', sa.Text(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.CheckConstraint("name IN ('contain', 'cra_early_warning', 'cra_notification', 'cra_final_report')", name=op.f('ck_exposure_clock_name')),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_exposure_clock_exposure_id')),
    sa.PrimaryKeyConstraint('exposure_id', 'episode', 'name', name=op.f('pk_exposure_clock')),
    )


def _without_clocks() -> None:
    op.drop_table('exposure_clock')
    op.drop_table('escalation')
    op.drop_table('pause')
    op.drop_index('ix_exposure_remediate_due_at', 'exposure')
    op.drop_index('ix_exposure_acknowledge_due_at', 'exposure')
    for column in ('remediate_from_at', 'acknowledge_from_at', 'priority_inputs'):
        op.drop_column('exposure', column)
    op.drop_index('ix_incident_undecided', 'incident')
    op.drop_column('incident', 'priority_facts')


def _vex() -> None:
    """Why: what others say of vulnerabilities counts if we believe them, and what we say has versions of its own."""
    op.create_table('vex_source',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('author', sa.Text(collation='C'), nullable=False),
    sa.Column('packages', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('products', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('known_as', postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('signed', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('added_by', sa.Text(), nullable=False),
    sa.Column('added_key_id', sa.BigInteger(), nullable=True),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vex_source')),
    )
    op.create_index('uq_vex_source_author', 'vex_source', ['author'], unique=True)
    op.create_table('vex_document',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('format', sa.Text(), nullable=False),
    sa.Column('author', sa.Text(collation='C'), nullable=False),
    sa.Column('document_id', sa.Text(collation='C'), nullable=False),
    sa.Column('version', sa.Text(collation='C'), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('signed_by', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('received_by', sa.Text(), nullable=False),
    sa.Column('heard', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('result', postgresql.JSONB(), nullable=False),
    sa.CheckConstraint("format IN ('openvex', 'cyclonedx', 'csaf')", name=op.f('ck_vex_document_format')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vex_document')),
    )
    op.create_index('uq_vex_document_sha256', 'vex_document', ['sha256'], unique=True)
    op.create_index('ix_vex_document_author_document_id', 'vex_document', ['author', 'document_id'])
    op.create_table('vex_statement',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('vex_document_id', sa.BigInteger(), nullable=False),
    sa.Column('author', sa.Text(collation='C'), nullable=False),
    sa.Column('document_id', sa.Text(collation='C'), nullable=False),
    sa.Column('status', sa.Text(collation='C'), nullable=False),
    sa.Column('justification', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('versions', postgresql.JSONB(), nullable=False),
    sa.Column('decided', sa.Boolean(), nullable=False),
    sa.Column('since_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_vex_statement_exposure_id')),
    sa.ForeignKeyConstraint(['vex_document_id'], ['vex_document.id'], name=op.f('fk_vex_statement_vex_document_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vex_statement')),
    )
    op.create_index('ix_vex_statement_vex_document_id', 'vex_statement', ['vex_document_id'])
    op.create_index('uq_vex_statement_standing', 'vex_statement', ['exposure_id', 'author', 'document_id'], unique=True, postgresql_where=sa.text('ended_at IS NULL'))
    op.create_table('vex_issue',
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('scope', sa.Text(collation='C'), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_vex_issue_product_id')),
    sa.PrimaryKeyConstraint('product_id', 'scope', 'version', name=op.f('pk_vex_issue')),
    )


def _without_vex() -> None:
    op.drop_table('vex_issue')
    op.drop_table('vex_statement')
    op.drop_table('vex_document')
    op.drop_table('vex_source')


def _episodes() -> None:
    """Why: numbers about a period need what was so when an episode ended: whose it was, how urgent, when it was due."""
    op.add_column('episode', sa.Column('acknowledge_due_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('episode', sa.Column('remediate_due_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('episode', sa.Column('team_id', sa.BigInteger(), nullable=True))
    op.add_column('episode', sa.Column('priority', sa.Text(collation='C'), nullable=True))
    op.add_column('episode', sa.Column('origin', sa.Text(collation='C'), nullable=True))
    op.create_foreign_key(op.f('fk_episode_team_id'), 'episode', 'team', ['team_id'], ['id'])
    op.create_index('ix_episode_opened_at', 'episode', ['opened_at'])
    op.create_index('ix_episode_ended_at', 'episode', ['ended_at'], postgresql_where=sa.text('ended_at IS NOT NULL'))
    # When an earlier episode was due is not known any more; whose it was then, we take from today.
    op.execute("""
        UPDATE episode SET team_id = exposure.team_id, priority = exposure.priority,
            origin = CASE WHEN episode.number = 1 THEN NULL ELSE 'new' END
        FROM exposure WHERE exposure.id = episode.exposure_id AND episode.ended_at IS NOT NULL
    """)
    op.execute("""
        UPDATE episode SET acknowledge_due_at = exposure.acknowledge_due_at, origin = exposure.origin,
            remediate_due_at = exposure.remediate_due_at
        FROM exposure WHERE exposure.id = episode.exposure_id AND episode.ended_at = exposure.ended_at
    """)


def _without_episodes() -> None:
    op.drop_index('ix_episode_ended_at', 'episode')
    op.drop_index('ix_episode_opened_at', 'episode')
    op.drop_constraint(op.f('fk_episode_team_id'), 'episode')
    for column in ('origin', 'priority', 'team_id', 'remediate_due_at', 'acknowledge_due_at'):
        op.drop_column('episode', column)
