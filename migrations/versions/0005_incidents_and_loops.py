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


def downgrade() -> None:
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


def _without_restricted() -> None:
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
