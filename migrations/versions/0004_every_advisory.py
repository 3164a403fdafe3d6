"""Make room for what exact matching needs to know.

Why: each function below says it for its own tables.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    _signals()
    _splits()
    _builds()
    _feeds()
    _installation()
    _rekeying()
    _origins()


def downgrade() -> None:
    _without_origins()
    _without_rekeying()
    _without_installation()
    _without_feeds()
    _without_builds()
    _without_splits()
    _without_signals()


def _signals() -> None:
    """Why: KEV and EPSS say how urgent a vulnerability is, and incidents remember which of it they have counted."""
    op.create_table('signal_feed',
    sa.Column('name', sa.Text(collation='C'), nullable=False),
    sa.Column('url', sa.Text(collation='C'), nullable=False),
    sa.Column('attempted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('succeeded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('digest', sa.LargeBinary(), nullable=True),
    sa.Column('etag', sa.Text(), nullable=True),
    sa.Column('last_modified', sa.Text(), nullable=True),
    sa.Column('version', sa.Text(), nullable=True),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('record_count', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('last_result', postgresql.JSONB(), nullable=True),
    sa.Column('revision', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('followed_revision', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.CheckConstraint("name IN ('kev', 'epss')", name=op.f('ck_signal_feed_name')),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_signal_feed')),
    )
    op.create_table('kev',
    sa.Column('cve', sa.Text(collation='C'), nullable=False),
    sa.Column('added_on', sa.Date(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=True),
    sa.Column('ransomware', sa.Boolean(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('required_action', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('cve', name=op.f('pk_kev')),
    )
    op.create_table('epss',
    sa.Column('cve', sa.Text(collation='C'), nullable=False),
    sa.Column('score', sa.Float(), nullable=False),
    sa.Column('percentile', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('cve', name=op.f('pk_epss')),
    )
    op.add_column('advisory', sa.Column('severity_source', sa.Text(collation='C'), server_default=sa.text("''"), nullable=False))
    op.add_column('incident', sa.Column('known_exploited', sa.Text(collation='C'), nullable=True))
    op.add_column('incident', sa.Column('likely_exploited', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_index('ix_incident_known_exploited', 'incident', ['id'], postgresql_where=sa.text('known_exploited IS NOT NULL'))


def _without_signals() -> None:
    op.drop_index('ix_incident_known_exploited', 'incident')
    op.drop_column('incident', 'likely_exploited')
    op.drop_column('incident', 'known_exploited')
    op.drop_column('advisory', 'severity_source')
    op.drop_table('epss')
    op.drop_table('kev')
    op.drop_table('signal_feed')


def _splits() -> None:
    """Why: a vulnerability that parts from another says from which; its exposures begin where those left off."""
    op.add_column('vulnerability', sa.Column('split_from_id', sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f('fk_vulnerability_split_from_id_vulnerability'), 'vulnerability', 'vulnerability', ['split_from_id'], ['id'])
    op.create_index('ix_vulnerability_split_from_id', 'vulnerability', ['split_from_id'], postgresql_where=sa.text('split_from_id IS NOT NULL'))


def _without_splits() -> None:
    op.drop_index('ix_vulnerability_split_from_id', 'vulnerability')
    op.drop_constraint(op.f('fk_vulnerability_split_from_id_vulnerability'), 'vulnerability')
    op.drop_column('vulnerability', 'split_from_id')


def _builds() -> None:
    """Why: a distribution builds one package several times, and an advisory may speak of one of these builds only."""
    for table in ('affected', 'component_coord'):
        op.add_column(table, sa.Column('build', sa.Text(collation='C'), server_default=sa.text("''"), nullable=False))


def _without_builds() -> None:
    for table in ('component_coord', 'affected'):
        op.drop_column(table, 'build')


def _feeds() -> None:
    """Why: a bundle is as old as it is, whenever it was taken; what is held or missing is remembered as such."""
    op.add_column('feed', sa.Column('last_modified', sa.Text(), nullable=True))
    op.add_column('feed', sa.Column('as_of', sa.DateTime(timezone=True), nullable=True))
    op.add_column('feed', sa.Column('held_count', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
    op.execute('UPDATE feed SET as_of = succeeded_at')
    op.create_table('feed_missing',
    sa.Column('feed_id', sa.BigInteger(), nullable=False),
    sa.Column('osv_id', sa.Text(collation='C'), nullable=False),
    sa.Column('modified', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.BigInteger(), nullable=False),
    sa.Column('retry_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['feed_id'], ['feed.id'], name=op.f('fk_feed_missing_feed_id_feed')),
    sa.PrimaryKeyConstraint('feed_id', 'osv_id', name=op.f('pk_feed_missing')),
    )


def _without_feeds() -> None:
    op.drop_table('feed_missing')
    op.drop_column('feed', 'held_count')
    op.drop_column('feed', 'as_of')
    op.drop_column('feed', 'last_modified')


def _installation() -> None:
    """Why: installations ask public feeds at moments of their own, and all replicas of one at the same."""
    op.create_table('installation',
    sa.Column('only', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('identity', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.CheckConstraint('"only"', name=op.f('ck_installation_only_one')),
    sa.PrimaryKeyConstraint('only', name=op.f('pk_installation')),
    )
    op.execute('INSERT INTO installation DEFAULT VALUES')


def _without_installation() -> None:
    op.drop_table('installation')


def _rekeying() -> None:
    """Why: what was read by an older version of ours is found at once, and read again."""
    op.add_column('component', sa.Column('key_version', sa.SmallInteger(), server_default=sa.text('1'), nullable=False))
    op.create_index('ix_component_key_version', 'component', ['key_version'])
    op.create_index('ix_advisory_key_version', 'advisory', ['key_version'])


def _without_rekeying() -> None:
    op.drop_index('ix_advisory_key_version', 'advisory')
    op.drop_index('ix_component_key_version', 'component')
    op.drop_column('component', 'key_version')


def _origins() -> None:
    """Why: names that are the organisation's own never match public advisories, and where a package came from decides
    whether a record that condemns a name means it."""
    op.create_table('internal_namespace',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('pattern', sa.Text(collation='C'), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('added_by', sa.Text(), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_by', sa.Text(), nullable=True),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('settled', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_internal_namespace')),
    )
    op.create_index('uq_internal_namespace_pattern', 'internal_namespace', ['pattern'], unique=True, postgresql_where=sa.text('removed_at IS NULL'))
    for table, columns in (('component', ('provenance', 'obtained_from', 'internal')), ('component_coord', ('provenance',)), ('match', ('note',))):
        for column in columns:
            op.add_column(table, sa.Column(column, sa.Text(collation='C'), server_default=sa.text("''"), nullable=False))
    op.create_index('ix_component_obtained_from', 'component', ['obtained_from'], postgresql_where=sa.text("obtained_from <> ''"))
    op.create_index('ix_component_internal', 'component', ['id'], postgresql_where=sa.text("internal <> ''"))
    # What is stored was read by who did not listen to that.
    op.add_column('document', sa.Column('heard', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.create_index('ix_document_unheard', 'document', ['id'], postgresql_where=sa.text('NOT heard'))


def _without_origins() -> None:
    op.drop_index('ix_document_unheard', 'document')
    op.drop_column('document', 'heard')
    op.drop_index('ix_component_internal', 'component')
    op.drop_index('ix_component_obtained_from', 'component')
    for table, columns in (('match', ('note',)), ('component_coord', ('provenance',)), ('component', ('provenance', 'obtained_from', 'internal'))):
        for column in columns:
            op.drop_column(table, column)
    op.drop_table('internal_namespace')
