// GET /v1/stats: Millrace's own numbers, beside those of V2.

import { servingApi } from '@millrace/api';
import { Answers } from '@millrace/service';
import { Controller, Inject } from '@nestjs/common';
import type { StatisticsSource } from '../workers/statistics-source.js';

export const STATISTICS = Symbol('statistics of serving');

@Controller()
export class StatsHttp {
  constructor(@Inject(STATISTICS) private readonly statistics: StatisticsSource) {}

  @Answers(servingApi.endpoints.stats)
  stats() {
    return this.statistics.service();
  }
}
