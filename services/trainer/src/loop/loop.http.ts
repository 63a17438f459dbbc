// The loop's state and what a person may say to it over HTTP, as libs/api says.

import { type BodyOf, type CalledFrom, LOOP_WORDS, type LoopWord, trainerApi } from '@millrace/api';
import { AuditTrail } from '@millrace/audit';
import { PlatformError } from '@millrace/domain';
import { Answers, Caller } from '@millrace/service';
import { Body, Controller, Inject, Param } from '@nestjs/common';
import { causeOf } from './episode.js';
import { LoopRunner } from './loop-runner.js';

const { loop, loopCommand } = trainerApi.endpoints;

/** The caller is answered when its word is in the audit, or then. */
const AUDIT_MS = 2_000;

@Controller()
export class LoopHttp {
  constructor(
    @Inject(LoopRunner) private readonly runner: LoopRunner,
    @Inject(AuditTrail) private readonly audit: Pick<AuditTrail, 'note' | 'settled'>,
  ) {}

  @Answers(loop)
  state(@Param('project') project: string) {
    const state = this.runner.stateOf(project);
    const episode = state.episode && { ...state.episode, cause: causeOf(state.episode) };
    const [waits, asked] = [this.runner.waitOf(project), this.runner.askedOf(project)];
    return { ...state, episode, waits, asked, probation: this.runner.probationOf(project) };
  }

  /** approve and reject answer what it asks, stop is the kill switch, resume ends it. */
  @Answers(loopCommand)
  async command(
    @Param('project') project: string,
    @Param('command') command: string,
    @Body() given: BodyOf<typeof loopCommand> | undefined,
    @Caller() caller: CalledFrom,
  ) {
    const kind = LOOP_WORDS.find((known) => known === command);
    if (kind === undefined) {
      throw new PlatformError('invalid_argument', `the loop knows ${LOOP_WORDS.join(', ')}, not "${command}"`);
    }
    const { by = '', reason = '', about } = given ?? {};
    const subject = this.runner.askedOf(project)?.what ?? 'the loop';
    const noted = {
      ...{ project, who: by.trim(), ...caller, reason, action: `loop.${kind}` },
      subject: kind === 'approve' || kind === 'reject' ? subject : 'the loop',
    };
    try {
      await this.said(project, kind, { by, reason, about });
    } catch (thrown) {
      this.audit.note({ ...noted, result: 'refused', detail: PlatformError.from(thrown).reason });
      throw thrown;
    }
    const state = this.state(project);
    const detail = `${state.history.at(-1)?.message ?? state.phase}; it waits for ${state.waits.for}`;
    this.audit.note({ ...noted, result: 'applied', detail });
    await this.audit.settled(AUDIT_MS);
    return state;
  }

  private async said(
    project: string,
    kind: LoopWord,
    word: { by: string; reason: string; about?: string | undefined },
  ) {
    if (kind === 'approve' || kind === 'reject') {
      const { by, reason } = word;
      if (by.trim() === '') throw new PlatformError('invalid_argument', `${kind} takes by: who decides it`);
      if (kind === 'reject' && reason.trim() === '')
        throw new PlatformError('invalid_argument', 'reject takes reason: what the next one should know');
      const fault = this.runner.wordFault(project, { ...word, kind });
      if (fault !== undefined) throw new PlatformError('conflict', fault);
    }
    await this.runner.apply(project, { kind, ...word });
  }
}
