"""Lay the first tables.

Why: the house from an empty database; nothing older runs on it. Two rows come with it: the team that owns what
nobody else does, and the counter of the feed of changes.
"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('advisory',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('osv_id', sa.Text(collation='C'), nullable=False),
    sa.Column('source', sa.Text(collation='C'), nullable=False),
    sa.Column('kind', sa.Text(collation='C'), nullable=False),
    sa.Column('modified', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('summary', sa.Text(), nullable=False),
    sa.Column('severity', sa.Text(collation='C'), nullable=False),
    sa.Column('score', sa.Double(), nullable=True),
    sa.Column('vector', sa.Text(), nullable=True),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('record', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('unevaluated', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('settled', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('key_version', sa.SmallInteger(), nullable=False),
    sa.CheckConstraint("kind IN ('vulnerability', 'malware', 'informational')", name=op.f('ck_advisory_kind')),
    sa.CheckConstraint("severity IN ('critical', 'high', 'medium', 'low', 'none', 'unscored')", name=op.f('ck_advisory_severity')),
    sa.CheckConstraint("source IN ('osv', 'own')", name=op.f('ck_advisory_source')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_advisory'))
    )
    op.create_index('ix_advisory_unsettled', 'advisory', ['id'], unique=False, postgresql_where=sa.text('NOT settled'))
    op.create_index('ix_advisory_modified', 'advisory', ['modified', 'id'], unique=False)
    op.create_index('ix_advisory_unevaluated', 'advisory', ['id'], unique=False, postgresql_where=sa.text("unevaluated <> '[]'::jsonb"))
    op.create_index('uq_advisory_osv_id', 'advisory', ['osv_id'], unique=True)
    op.create_table('audit',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit'))
    )
    op.create_index('ix_audit_at', 'audit', ['at'], unique=False)
    op.create_table('change',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('seq', sa.BigInteger(), nullable=True),
    sa.Column('event_id', sa.Uuid(), server_default=sa.text('gen_random_uuid()'), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('incident', sa.Text(), nullable=True),
    sa.Column('exposure', sa.Text(), nullable=True),
    sa.Column('product', sa.Text(), nullable=True),
    sa.Column('team', sa.Text(), nullable=True),
    sa.Column('data', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change'))
    )
    op.create_index('ix_change_unnumbered', 'change', ['id'], unique=False, postgresql_where=sa.text('seq IS NULL'))
    op.create_index('uq_change_event_id', 'change', ['event_id'], unique=True)
    op.create_index('uq_change_seq', 'change', ['seq'], unique=True)
    op.create_table('change_counter',
    sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('last_seq', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_counter'))
    )
    op.create_table('document',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('sha256', sa.LargeBinary(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('format', sa.Text(), nullable=False),
    sa.Column('spec_version', sa.Text(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_document'))
    )
    op.create_index('uq_document_sha256', 'document', ['sha256'], unique=True)
    op.create_table('feed',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('url', sa.Text(collation='C'), nullable=False),
    sa.Column('ecosystem', sa.Text(collation='C'), nullable=False),
    sa.Column('attempted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('succeeded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('index_digest', sa.LargeBinary(), nullable=True),
    sa.Column('etag', sa.Text(), nullable=True),
    sa.Column('record_count', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('last_result', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_feed'))
    )
    op.create_index('uq_feed_url_ecosystem', 'feed', ['url', 'ecosystem'], unique=True)
    op.create_table('graph',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_graph'))
    )
    op.create_index('uq_graph_digest', 'graph', ['digest'], unique=True)
    op.create_table('job',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('slot', sa.Text(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('state', sa.Text(), server_default='queued', nullable=False),
    sa.Column('run_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('worker', sa.Text(), nullable=True),
    sa.Column('progress', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name=op.f('ck_job_state')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_job'))
    )
    op.create_index('ix_job_due', 'job', ['run_at', 'id'], unique=False, postgresql_where=sa.text("state IN ('queued', 'running')"))
    op.create_index('uq_job_kind_slot', 'job', ['kind', 'slot'], unique=True)
    op.create_table('osv_package',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('ecosystem', sa.Text(collation='C'), nullable=False),
    sa.Column('name', sa.Text(collation='C'), nullable=False),
    sa.Column('base_id', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['base_id'], ['osv_package.id'], name=op.f('fk_osv_package_base_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_osv_package'))
    )
    op.create_index('ix_osv_package_base_id', 'osv_package', ['base_id'], unique=False)
    op.create_index('uq_osv_package_ecosystem_name', 'osv_package', ['ecosystem', 'name'], unique=True)
    op.create_table('package',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('type', sa.Text(collation='C'), nullable=False),
    sa.Column('namespace', sa.Text(collation='C'), nullable=False),
    sa.Column('name', sa.Text(collation='C'), nullable=False),
    sa.Column('lower_name', sa.Text(collation='C'), nullable=False),
    sa.Column('words', postgresql.TSVECTOR(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_package'))
    )
    op.create_index('ix_package_lower_name', 'package', ['lower_name'], unique=False)
    op.create_index('ix_package_words', 'package', ['words'], unique=False, postgresql_using='gin', postgresql_with={'fastupdate': 'off'})
    op.create_index('uq_package_type_namespace_name', 'package', ['type', 'namespace', 'name'], unique=True)
    op.create_table('team',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('webhook', sa.Text(), nullable=True),
    sa.Column('fallback', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_team'))
    )
    op.create_index('uq_team_fallback', 'team', ['fallback'], unique=True, postgresql_where=sa.text('fallback'))
    op.create_index('uq_team_name', 'team', ['name'], unique=True)
    op.create_table('usage',
    sa.Column('stream_id', sa.BigInteger(), nullable=False),
    sa.Column('component_id', sa.BigInteger(), nullable=False),
    sa.Column('from_us', sa.BigInteger(), nullable=False),
    sa.Column('to_us', sa.BigInteger(), nullable=False),
    sa.Column('scope', sa.SmallInteger(), nullable=False),
    sa.CheckConstraint('from_us < to_us', name=op.f('ck_usage_from_before_to'))
    )
    op.create_index('ix_usage_ended_component', 'usage', ['component_id', 'stream_id'], unique=False, postgresql_where=sa.text('to_us < 9223372036854775807'))
    op.create_index('ix_usage_open_component', 'usage', ['component_id', 'stream_id'], unique=False, postgresql_where=sa.text('to_us = 9223372036854775807'))
    op.create_index('ix_usage_stream_id_to_us', 'usage', ['stream_id', 'to_us'], unique=False)
    op.create_index('uq_usage_open', 'usage', ['stream_id', 'component_id'], unique=True, postgresql_where=sa.text('to_us = 9223372036854775807'))
    op.create_table('vulnerability',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('name', sa.Text(collation='C'), nullable=False),
    sa.Column('merged_into_id', sa.BigInteger(), nullable=True),
    sa.Column('settled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.ForeignKeyConstraint(['merged_into_id'], ['vulnerability.id'], name=op.f('fk_vulnerability_merged_into_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vulnerability'))
    )
    op.create_index('ix_vulnerability_merged_into_id', 'vulnerability', ['merged_into_id'], unique=False)
    op.create_index('ix_vulnerability_unsettled', 'vulnerability', ['id'], unique=False, postgresql_where=sa.text('NOT settled'))
    op.create_table('affected',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('advisory_id', sa.BigInteger(), nullable=False),
    sa.Column('osv_package_id', sa.BigInteger(), nullable=False),
    sa.Column('base_package_id', sa.BigInteger(), nullable=True),
    sa.Column('lo', sa.LargeBinary(), nullable=True),
    sa.Column('hi', sa.LargeBinary(), nullable=True),
    sa.Column('exact_version', sa.Text(collation='C'), nullable=True),
    sa.Column('lo_version', sa.Text(collation='C'), nullable=False),
    sa.Column('hi_version', sa.Text(collation='C'), nullable=False),
    sa.Column('hi_included', sa.Boolean(), nullable=False),
    sa.Column('fixed', sa.Text(collation='C'), nullable=False),
    sa.Column('rule', sa.Text(collation='C'), nullable=False),
    sa.Column('flagged', sa.Boolean(), nullable=False),
    sa.CheckConstraint('(lo IS NULL) = (hi IS NULL)', name=op.f('ck_affected_both_bounds')),
    sa.CheckConstraint('lo IS NOT NULL OR exact_version IS NOT NULL', name=op.f('ck_affected_range_or_version')),
    sa.ForeignKeyConstraint(['advisory_id'], ['advisory.id'], name=op.f('fk_affected_advisory_id')),
    sa.ForeignKeyConstraint(['base_package_id'], ['osv_package.id'], name=op.f('fk_affected_base_package_id')),
    sa.ForeignKeyConstraint(['osv_package_id'], ['osv_package.id'], name=op.f('fk_affected_osv_package_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_affected'))
    )
    op.create_index('ix_affected_advisory_id', 'affected', ['advisory_id'], unique=False)
    op.create_index('ix_affected_base_package_id_hi', 'affected', ['base_package_id', 'hi'], unique=False, postgresql_include=['lo', 'advisory_id'], postgresql_where=sa.text('base_package_id IS NOT NULL'))
    op.create_index('ix_affected_flagged', 'affected', ['osv_package_id'], unique=False, postgresql_where=sa.text('flagged'))
    op.create_index('ix_affected_osv_package_id_exact', 'affected', ['osv_package_id', 'exact_version'], unique=False, postgresql_where=sa.text('lo IS NULL'))
    op.create_index('ix_affected_osv_package_id_hi', 'affected', ['osv_package_id', 'hi'], unique=False, postgresql_include=['lo', 'advisory_id'])
    op.create_table('api_key',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('public_id', sa.Text(), nullable=False),
    sa.Column('secret_sha256', sa.LargeBinary(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("role IN ('admin', 'cert', 'owner', 'uploader', 'reader', 'integration')", name=op.f('ck_api_key_role')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_api_key_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key'))
    )
    op.create_index('uq_api_key_public_id', 'api_key', ['public_id'], unique=True)
    op.create_table('component',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('digest', sa.Uuid(), nullable=False),
    sa.Column('package_id', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.Text(collation='C'), nullable=False),
    sa.Column('purl', sa.Text(collation='C'), nullable=False),
    sa.Column('cpes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('hashes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('licence', sa.Text(), nullable=False),
    sa.Column('supplier', sa.Text(), nullable=False),
    sa.Column('distribution', sa.Text(collation='C'), nullable=False),
    sa.Column('source_name', sa.Text(collation='C'), nullable=False),
    sa.Column('source_version', sa.Text(collation='C'), nullable=False),
    sa.Column('unevaluated', sa.Text(collation='C'), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['package.id'], name=op.f('fk_component_package_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_component'))
    )
    op.create_index('ix_component_hashes', 'component', ['hashes'], unique=False, postgresql_using='gin', postgresql_ops={'hashes': 'jsonb_path_ops'}, postgresql_with={'fastupdate': 'off'}, postgresql_where=sa.text("hashes <> '[]'"))
    op.create_index('ix_component_package_id_version', 'component', ['package_id', 'version'], unique=False)
    op.create_index('ix_component_unevaluated', 'component', ['id'], unique=False, postgresql_where=sa.text("unevaluated <> ''"))
    op.create_index('uq_component_digest', 'component', ['digest'], unique=True)
    op.create_table('family_member',
    sa.Column('family', sa.Text(collation='C'), nullable=False),
    sa.Column('package_id', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('own_versions', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['package.id'], name=op.f('fk_family_member_package_id')),
    sa.PrimaryKeyConstraint('family', 'package_id', name=op.f('pk_family_member'))
    )
    op.create_index('ix_family_member_package_id', 'family_member', ['package_id'], unique=False)
    op.create_table('feed_advisory',
    sa.Column('feed_id', sa.BigInteger(), nullable=False),
    sa.Column('osv_id', sa.Text(collation='C'), nullable=False),
    sa.Column('modified', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['feed_id'], ['feed.id'], name=op.f('fk_feed_advisory_feed_id')),
    sa.PrimaryKeyConstraint('feed_id', 'osv_id', name=op.f('pk_feed_advisory'))
    )
    op.create_index('ix_feed_advisory_osv_id', 'feed_advisory', ['osv_id'], unique=False)
    op.create_table('incident',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('kind', sa.Text(collation='C'), nullable=False),
    sa.Column('vulnerability_id', sa.BigInteger(), nullable=True),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('severity', sa.Text(collation='C'), nullable=False),
    sa.Column('priority', sa.Text(collation='C'), nullable=False),
    sa.Column('status', sa.Text(collation='C'), nullable=False),
    sa.Column('merged_into_id', sa.BigInteger(), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.BigInteger(), server_default=sa.text('1'), nullable=False),
    sa.CheckConstraint("kind IN ('vulnerability', 'malware', 'declared', 'licence', 'trust')", name=op.f('ck_incident_kind')),
    sa.CheckConstraint("priority IN ('act', 'attend', 'track*', 'track')", name=op.f('ck_incident_priority')),
    sa.CheckConstraint("status IN ('open', 'contained', 'resolved', 'closed', 'withdrawn', 'merged')", name=op.f('ck_incident_status')),
    sa.ForeignKeyConstraint(['merged_into_id'], ['incident.id'], name=op.f('fk_incident_merged_into_id')),
    sa.ForeignKeyConstraint(['vulnerability_id'], ['vulnerability.id'], name=op.f('fk_incident_vulnerability_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident'))
    )
    op.create_index('ix_incident_updated_at', 'incident', ['updated_at', 'id'], unique=False)
    op.create_index('uq_incident_vulnerability_id', 'incident', ['vulnerability_id'], unique=True)
    op.create_table('match',
    sa.Column('component_id', sa.BigInteger(), nullable=False),
    sa.Column('advisory_id', sa.BigInteger(), nullable=False),
    sa.Column('certainty', sa.Text(collation='C'), nullable=False),
    sa.Column('rule', sa.Text(collation='C'), nullable=False),
    sa.Column('osv_package_id', sa.BigInteger(), nullable=False),
    sa.Column('lo_version', sa.Text(collation='C'), nullable=False),
    sa.Column('hi_version', sa.Text(collation='C'), nullable=False),
    sa.Column('fixed', sa.Text(collation='C'), nullable=False),
    sa.CheckConstraint("certainty IN ('certain', 'possible')", name=op.f('ck_match_certainty')),
    sa.ForeignKeyConstraint(['advisory_id'], ['advisory.id'], name=op.f('fk_match_advisory_id')),
    sa.ForeignKeyConstraint(['osv_package_id'], ['osv_package.id'], name=op.f('fk_match_osv_package_id')),
    sa.PrimaryKeyConstraint('component_id', 'advisory_id', name=op.f('pk_match'))
    )
    op.create_index('ix_match_advisory_id', 'match', ['advisory_id'], unique=False)
    op.create_table('package_source',
    sa.Column('package_id', sa.BigInteger(), nullable=False),
    sa.Column('source_name', sa.Text(collation='C'), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['package.id'], name=op.f('fk_package_source_package_id')),
    sa.PrimaryKeyConstraint('package_id', 'source_name', name=op.f('pk_package_source'))
    )
    op.create_index('ix_package_source_source_name', 'package_source', ['source_name'], unique=False)
    op.create_table('product',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), server_default='own', nullable=False),
    sa.Column('tier', sa.Text(), server_default='medium', nullable=False),
    sa.Column('exposed', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('tags', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('archived_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('archived_reason', sa.Text(), nullable=True),
    sa.Column('version', sa.BigInteger(), server_default=sa.text('1'), nullable=False),
    sa.CheckConstraint("kind IN ('own', 'vendor')", name=op.f('ck_product_kind')),
    sa.CheckConstraint("tier IN ('low', 'medium', 'high', 'mission-critical')", name=op.f('ck_product_tier')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_product_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product'))
    )
    op.create_index('uq_product_slug', 'product', ['slug'], unique=True)
    op.create_table('vulnerability_advisory',
    sa.Column('vulnerability_id', sa.BigInteger(), nullable=False),
    sa.Column('advisory_id', sa.BigInteger(), nullable=False),
    sa.Column('relation', sa.Text(collation='C'), nullable=False),
    sa.CheckConstraint("relation IN ('alias', 'evidence')", name=op.f('ck_vulnerability_advisory_relation')),
    sa.ForeignKeyConstraint(['advisory_id'], ['advisory.id'], name=op.f('fk_vulnerability_advisory_advisory_id')),
    sa.ForeignKeyConstraint(['vulnerability_id'], ['vulnerability.id'], name=op.f('fk_vulnerability_advisory_vulnerability_id')),
    sa.PrimaryKeyConstraint('vulnerability_id', 'advisory_id', name=op.f('pk_vulnerability_advisory'))
    )
    op.create_index('ix_vulnerability_advisory_advisory_id', 'vulnerability_advisory', ['advisory_id'], unique=False)
    op.create_table('vulnerability_alias',
    sa.Column('alias', sa.Text(collation='C'), nullable=False),
    sa.Column('vulnerability_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['vulnerability_id'], ['vulnerability.id'], name=op.f('fk_vulnerability_alias_vulnerability_id')),
    sa.PrimaryKeyConstraint('alias', name=op.f('pk_vulnerability_alias'))
    )
    op.create_index('ix_vulnerability_alias_vulnerability_id', 'vulnerability_alias', ['vulnerability_id'], unique=False)
    op.create_table('component_coord',
    sa.Column('component_id', sa.BigInteger(), nullable=False),
    sa.Column('osv_package_id', sa.BigInteger(), nullable=False),
    sa.Column('sort_key', sa.LargeBinary(), nullable=True),
    sa.Column('version', sa.Text(collation='C'), nullable=False),
    sa.Column('relation', sa.Text(collation='C'), nullable=False),
    sa.Column('release_known', sa.Boolean(), nullable=False),
    sa.Column('flagged', sa.Boolean(), nullable=False),
    sa.Column('key_version', sa.SmallInteger(), nullable=False),
    sa.ForeignKeyConstraint(['component_id'], ['component.id'], name=op.f('fk_component_coord_component_id')),
    sa.ForeignKeyConstraint(['osv_package_id'], ['osv_package.id'], name=op.f('fk_component_coord_osv_package_id')),
    sa.PrimaryKeyConstraint('component_id', 'osv_package_id', name=op.f('pk_component_coord'))
    )
    op.create_index('ix_component_coord_flagged', 'component_coord', ['osv_package_id'], unique=False, postgresql_where=sa.text('flagged'))
    op.create_index('ix_component_coord_osv_package_id_sort_key', 'component_coord', ['osv_package_id', 'sort_key'], unique=False, postgresql_include=['component_id'])
    op.create_index('ix_component_coord_version', 'component_coord', ['osv_package_id', 'version'], unique=False, postgresql_where=sa.text('sort_key IS NULL'))
    op.create_table('exposure',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('incident_id', sa.BigInteger(), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('owner_reason', sa.Text(), nullable=False),
    sa.Column('origin', sa.Text(collation='C'), nullable=False),
    sa.Column('status', sa.Text(collation='C'), nullable=False),
    sa.Column('presence', sa.Text(collation='C'), nullable=False),
    sa.Column('hold_reason', sa.Text(), nullable=True),
    sa.Column('assessment', sa.Text(), nullable=True),
    sa.Column('priority', sa.Text(collation='C'), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('acknowledge_due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('remediate_due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reopen_count', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('version', sa.BigInteger(), server_default=sa.text('1'), nullable=False),
    sa.CheckConstraint("origin IN ('new', 'baseline')", name=op.f('ck_exposure_origin')),
    sa.CheckConstraint("presence IN ('present', 'absent', 'unknown')", name=op.f('ck_exposure_presence')),
    sa.CheckConstraint("priority IN ('act', 'attend', 'track*', 'track')", name=op.f('ck_exposure_priority')),
    sa.CheckConstraint("status IN ('open', 'acknowledged', 'in_progress', 'fix_claimed', 'resolved', 'not_affected', 'risk_accepted', 'withdrawn', 'retired', 'merged')", name=op.f('ck_exposure_status')),
    sa.ForeignKeyConstraint(['incident_id'], ['incident.id'], name=op.f('fk_exposure_incident_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_exposure_product_id')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_exposure_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exposure'))
    )
    op.create_index('ix_exposure_product_id', 'exposure', ['product_id'], unique=False)
    op.create_index('ix_exposure_team_id_status', 'exposure', ['team_id', 'status'], unique=False)
    op.create_index('uq_exposure_incident_id_product_id', 'exposure', ['incident_id', 'product_id'], unique=True)
    op.create_table('key_product',
    sa.Column('key_id', sa.BigInteger(), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['key_id'], ['api_key.id'], name=op.f('fk_key_product_key_id')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_key_product_product_id')),
    sa.PrimaryKeyConstraint('key_id', 'product_id', name=op.f('pk_key_product'))
    )
    op.create_table('product_slug',
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_product_slug_product_id')),
    sa.PrimaryKeyConstraint('slug', name=op.f('pk_product_slug'))
    )
    op.create_table('stream',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('product_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), server_default='tracked', nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_upload_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('retired_reason', sa.Text(), nullable=True),
    sa.CheckConstraint("kind IN ('tracked', 'preview')", name=op.f('ck_stream_kind')),
    sa.CheckConstraint('(retired_at IS NULL) = (retired_reason IS NULL)', name=op.f('ck_stream_retired_with_reason')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_stream_product_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stream'))
    )
    op.create_index('uq_stream_product_id_name', 'stream', ['product_id', 'name'], unique=True)
    op.create_table('episode',
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('acknowledged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('outcome', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_episode_exposure_id')),
    sa.PrimaryKeyConstraint('exposure_id', 'number', name=op.f('pk_episode'))
    )
    op.create_table('exposure_component',
    sa.Column('exposure_id', sa.BigInteger(), nullable=False),
    sa.Column('component_id', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_exposure_component_exposure_id')),
    sa.PrimaryKeyConstraint('exposure_id', 'component_id', name=op.f('pk_exposure_component'))
    )
    op.create_index('ix_exposure_component_component_id', 'exposure_component', ['component_id'], unique=False)
    op.create_table('transition',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('incident_id', sa.BigInteger(), nullable=False),
    sa.Column('exposure_id', sa.BigInteger(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(collation='C'), nullable=False),
    sa.Column('from_status', sa.Text(collation='C'), nullable=True),
    sa.Column('to_status', sa.Text(collation='C'), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('justification', sa.Text(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('evidence', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['exposure_id'], ['exposure.id'], name=op.f('fk_transition_exposure_id')),
    sa.ForeignKeyConstraint(['incident_id'], ['incident.id'], name=op.f('fk_transition_incident_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_transition'))
    )
    op.create_index('ix_transition_exposure_id', 'transition', ['exposure_id', 'id'], unique=False)
    op.create_index('ix_transition_incident_id', 'transition', ['incident_id', 'id'], unique=False)
    op.create_table('upload',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('stream_id', sa.BigInteger(), nullable=False),
    sa.Column('document_id', sa.BigInteger(), nullable=False),
    sa.Column('graph_id', sa.BigInteger(), nullable=True),
    sa.Column('at_us', sa.BigInteger(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version_label', sa.Text(), nullable=True),
    sa.Column('set_digest', sa.LargeBinary(), nullable=False),
    sa.Column('tool', sa.Text(), server_default='', nullable=False),
    sa.Column('subject', sa.Text(), server_default='', nullable=False),
    sa.Column('component_count', sa.BigInteger(), nullable=False),
    sa.Column('unidentified_count', sa.BigInteger(), nullable=False),
    sa.Column('added_count', sa.BigInteger(), nullable=False),
    sa.Column('removed_count', sa.BigInteger(), nullable=False),
    sa.Column('late', sa.Boolean(), nullable=False),
    sa.Column('doubt', sa.Text(), nullable=True),
    sa.Column('warnings', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    sa.Column('quality', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('ecosystems', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('voided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('void_reason', sa.Text(), nullable=True),
    sa.CheckConstraint('(voided_at IS NULL) = (void_reason IS NULL)', name=op.f('ck_upload_voided_with_reason')),
    sa.ForeignKeyConstraint(['document_id'], ['document.id'], name=op.f('fk_upload_document_id')),
    sa.ForeignKeyConstraint(['graph_id'], ['graph.id'], name=op.f('fk_upload_graph_id')),
    sa.ForeignKeyConstraint(['stream_id'], ['stream.id'], name=op.f('fk_upload_stream_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_upload'))
    )
    op.create_index('ix_upload_document_id', 'upload', ['document_id'], unique=False)
    op.create_index('uq_upload_stream_id_at_us', 'upload', ['stream_id', 'at_us'], unique=True, postgresql_where=sa.text('voided_at IS NULL'))
    op.create_index('uq_upload_stream_id_sequence', 'upload', ['stream_id', 'sequence'], unique=True)
    op.create_table('release',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('stream_id', sa.BigInteger(), nullable=False),
    sa.Column('upload_id', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.Text(), nullable=False),
    sa.Column('supported', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('retired_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['stream_id'], ['stream.id'], name=op.f('fk_release_stream_id')),
    sa.ForeignKeyConstraint(['upload_id'], ['upload.id'], name=op.f('fk_release_upload_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_release'))
    )
    op.create_index('ix_release_supported', 'release', ['stream_id'], unique=False, postgresql_where=sa.text('supported AND retired_at IS NULL'))
    op.create_index('ix_release_upload_id', 'release', ['upload_id'], unique=False)
    op.create_index('uq_release_stream_id_version', 'release', ['stream_id', 'version'], unique=True)
    op.execute("INSERT INTO team (name, fallback) VALUES ('cert-triage', true)")
    op.execute("INSERT INTO change_counter (id, last_seq) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_index('uq_release_stream_id_version', table_name='release')
    op.drop_index('ix_release_upload_id', table_name='release')
    op.drop_index('ix_release_supported', table_name='release', postgresql_where=sa.text('supported AND retired_at IS NULL'))
    op.drop_table('release')
    op.drop_index('uq_upload_stream_id_sequence', table_name='upload')
    op.drop_index('uq_upload_stream_id_at_us', table_name='upload', postgresql_where=sa.text('voided_at IS NULL'))
    op.drop_index('ix_upload_document_id', table_name='upload')
    op.drop_table('upload')
    op.drop_index('ix_transition_incident_id', table_name='transition')
    op.drop_index('ix_transition_exposure_id', table_name='transition')
    op.drop_table('transition')
    op.drop_table('exposure_component')
    op.drop_table('episode')
    op.drop_index('uq_stream_product_id_name', table_name='stream')
    op.drop_table('stream')
    op.drop_table('product_slug')
    op.drop_table('key_product')
    op.drop_index('uq_exposure_incident_id_product_id', table_name='exposure')
    op.drop_index('ix_exposure_team_id_status', table_name='exposure')
    op.drop_index('ix_exposure_product_id', table_name='exposure')
    op.drop_table('exposure')
    op.drop_index('ix_component_coord_version', table_name='component_coord', postgresql_where=sa.text('sort_key IS NULL'))
    op.drop_index('ix_component_coord_osv_package_id_sort_key', table_name='component_coord', postgresql_include=['component_id'])
    op.drop_index('ix_component_coord_flagged', table_name='component_coord', postgresql_where=sa.text('flagged'))
    op.drop_table('component_coord')
    op.drop_index('ix_vulnerability_alias_vulnerability_id', table_name='vulnerability_alias')
    op.drop_table('vulnerability_alias')
    op.drop_index('ix_vulnerability_advisory_advisory_id', table_name='vulnerability_advisory')
    op.drop_table('vulnerability_advisory')
    op.drop_index('uq_product_slug', table_name='product')
    op.drop_table('product')
    op.drop_index('ix_package_source_source_name', table_name='package_source')
    op.drop_table('package_source')
    op.drop_index('ix_match_advisory_id', table_name='match')
    op.drop_table('match')
    op.drop_index('uq_incident_vulnerability_id', table_name='incident')
    op.drop_index('ix_incident_updated_at', table_name='incident')
    op.drop_table('incident')
    op.drop_index('ix_feed_advisory_osv_id', table_name='feed_advisory')
    op.drop_table('feed_advisory')
    op.drop_index('ix_family_member_package_id', table_name='family_member')
    op.drop_table('family_member')
    op.drop_index('uq_component_digest', table_name='component')
    op.drop_index('ix_component_unevaluated', table_name='component', postgresql_where=sa.text("unevaluated <> ''"))
    op.drop_index('ix_component_package_id_version', table_name='component')
    op.drop_table('component')
    op.drop_index('uq_api_key_public_id', table_name='api_key')
    op.drop_table('api_key')
    op.drop_index('ix_affected_osv_package_id_hi', table_name='affected', postgresql_include=['lo', 'advisory_id'])
    op.drop_index('ix_affected_osv_package_id_exact', table_name='affected', postgresql_where=sa.text('lo IS NULL'))
    op.drop_index('ix_affected_flagged', table_name='affected', postgresql_where=sa.text('flagged'))
    op.drop_index('ix_affected_base_package_id_hi', table_name='affected', postgresql_include=['lo', 'advisory_id'], postgresql_where=sa.text('base_package_id IS NOT NULL'))
    op.drop_index('ix_affected_advisory_id', table_name='affected')
    op.drop_table('affected')
    op.drop_index('ix_vulnerability_unsettled', table_name='vulnerability', postgresql_where=sa.text('NOT settled'))
    op.drop_index('ix_vulnerability_merged_into_id', table_name='vulnerability')
    op.drop_table('vulnerability')
    op.drop_index('uq_usage_open', table_name='usage', postgresql_where=sa.text('to_us = 9223372036854775807'))
    op.drop_index('ix_usage_stream_id_to_us', table_name='usage')
    op.drop_index('ix_usage_open_component', table_name='usage', postgresql_where=sa.text('to_us = 9223372036854775807'))
    op.drop_index('ix_usage_ended_component', table_name='usage', postgresql_where=sa.text('to_us < 9223372036854775807'))
    op.drop_table('usage')
    op.drop_index('uq_team_name', table_name='team')
    op.drop_index('uq_team_fallback', table_name='team', postgresql_where=sa.text('fallback'))
    op.drop_table('team')
    op.drop_index('uq_package_type_namespace_name', table_name='package')
    op.drop_index('ix_package_words', table_name='package', postgresql_using='gin', postgresql_with={'fastupdate': 'off'})
    op.drop_index('ix_package_lower_name', table_name='package')
    op.drop_table('package')
    op.drop_index('uq_osv_package_ecosystem_name', table_name='osv_package')
    op.drop_index('ix_osv_package_base_id', table_name='osv_package')
    op.drop_table('osv_package')
    op.drop_index('uq_job_kind_slot', table_name='job')
    op.drop_index('ix_job_due', table_name='job', postgresql_where=sa.text("state IN ('queued', 'running')"))
    op.drop_table('job')
    op.drop_index('uq_graph_digest', table_name='graph')
    op.drop_table('graph')
    op.drop_index('uq_feed_url_ecosystem', table_name='feed')
    op.drop_table('feed')
    op.drop_index('uq_document_sha256', table_name='document')
    op.drop_table('document')
    op.drop_table('change_counter')
    op.drop_index('uq_change_seq', table_name='change')
    op.drop_index('uq_change_event_id', table_name='change')
    op.drop_index('ix_change_unnumbered', table_name='change', postgresql_where=sa.text('seq IS NULL'))
    op.drop_table('change')
    op.drop_index('ix_audit_at', table_name='audit')
    op.drop_table('audit')
    op.drop_index('uq_advisory_osv_id', table_name='advisory')
    op.drop_index('ix_advisory_unevaluated', table_name='advisory', postgresql_where=sa.text("unevaluated <> '[]'::jsonb"))
    op.drop_index('ix_advisory_modified', table_name='advisory')
    op.drop_table('advisory')
