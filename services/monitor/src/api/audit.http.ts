// Who did what to a project, over HTTP; also to one that was deleted.

import { monitorApi, queryOf } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Controller, Inject, Param, Query } from '@nestjs/common';
import { AuditBook, type HeardEntry } from '../audit/audit-book.js';

/** Whether the topic was read to what was there when this process began. */
export const AUDIT_IS_READ = Symbol('AUDIT_IS_READ');

const { audit } = monitorApi.endpoints;
const LIMIT_DEFAULT = 100;

@Controller()
export class AuditHttp {
  constructor(
    @Inject(AuditBook) private readonly book: AuditBook,
    @Inject(AUDIT_IS_READ) private readonly isRead: () => boolean,
  ) {}

  @Answers(audit)
  audit(@Param('project') project: string, @Query() query: Readonly<Record<string, unknown>>) {
    const { sinceMs = Number.NEGATIVE_INFINITY, limit = LIMIT_DEFAULT } = queryOf(audit, query);
    if (!this.isRead()) throw new PlatformError('unavailable', 'the audit is still being read; ask again');
    const { entries, ...rest } = this.book.of(project, sinceMs, limit);
    return { project, ...rest, entries: entries.map(entryView) };
  }
}

function entryView({
  writer: _writer,
  sequence: _sequence,
  previousSha256: _previous,
  sha256: _sha256,
  ...entry
}: HeardEntry) {
  const result = entry.result === 'refused' ? ('refused' as const) : ('applied' as const);
  return { ...entry, result };
}
