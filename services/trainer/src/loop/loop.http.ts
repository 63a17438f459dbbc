// The loop's state and its three commands over HTTP.

import { PlatformError } from '@millrace/domain';
import { Controller, Get, Inject, Param, Post } from '@nestjs/common';
import { LoopRunner } from './loop-runner.js';
import type { LoopState } from './loop-state.js';

const COMMANDS = ['approve', 'stop', 'resume'] as const;

@Controller('v1/projects/:project/loop')
export class LoopHttp {
  constructor(@Inject(LoopRunner) private readonly runner: LoopRunner) {}

  @Get()
  state(@Param('project') project: string): LoopState {
    return this.runner.stateOf(project);
  }

  /** approve lets a waiting retraining start, stop is the kill switch, resume ends it. */
  @Post(':command')
  async command(@Param('project') project: string, @Param('command') command: string): Promise<LoopState> {
    const kind = COMMANDS.find((known) => known === command);
    if (kind === undefined) {
      throw new PlatformError('invalid_argument', `the loop knows ${COMMANDS.join(', ')}, not "${command}"`);
    }
    this.runner.stateOf(project);
    await this.runner.apply(project, { kind });
    return this.runner.stateOf(project);
  }
}
