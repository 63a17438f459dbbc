import { describe, expect, it } from '@jest/globals';
import { VersionStatistics } from '@millrace/inference';
import { inferenceMetricsText } from './metrics-text.js';

function model(name: string, spec: { decoupled: boolean; responseCache: boolean }) {
  return { name, version: 1, statistics: new VersionStatistics(), waiting: 3, spec };
}

describe('metrics under Triton names', () => {
  it('state every phase of every model', () => {
    const plain = model('plain', { decoupled: false, responseCache: false });
    plain.statistics.succeeded(1, 2, 0.5);
    plain.statistics.batch(8, 1, 0.1, 1, 0.1);
    const text = inferenceMetricsText([plain]);
    expect(text).toContain('nv_inference_count{model="plain",version="1"} 8\n');
    expect(text).toContain('nv_inference_pending_request_count{model="plain",version="1"} 3\n');
    expect(text).toContain('nv_inference_compute_infer_summary_us_count{model="plain",version="1"} 1\n');
    // Only models with a cache, or with many answers, have these.
    expect(text).not.toContain('nv_cache');
    expect(text).not.toContain('first_response');
  });

  it('count cache hits, and first answers by their time', () => {
    const cached = model('cached', { decoupled: false, responseCache: true });
    cached.statistics.hit(1, 0.2, 0.1);
    cached.statistics.missed(0.1);
    const streams = model('streams', { decoupled: true, responseCache: false });
    for (const ms of [5, 100, 600, 9000]) streams.statistics.firstResponse(ms);
    const text = inferenceMetricsText([cached, streams]);
    expect(text).toContain('nv_cache_num_hits_per_model{model="cached",version="1"} 1\n');
    expect(text).not.toContain('nv_cache_num_hits_per_model{model="streams"');
    const bucket = (le: string) =>
      new RegExp(`ms_bucket\\{model="streams",version="1",le="${le}"\\} (\\d+)`).exec(text)?.[1];
    expect(['100', '500', '2000', '5000', '\\+Inf'].map(bucket)).toEqual(['2', '2', '3', '3', '4']);
  });
});
