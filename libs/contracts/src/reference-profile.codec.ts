// Codec of reference.pb in a model package: proto millrace.model.v1.ReferenceProfile. Refuses bins and counts that do
// not fit each other, and features without a known kind.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type FeatureReference, type NumericReference, PlatformError, type ReferenceProfile } from '@millrace/domain';
import {
  FeatureReferenceSchema,
  type FeatureReference as FeatureWire,
  type ReferenceProfile as ProfileWire,
  ReferenceProfileSchema,
} from './gen/millrace/model/v1/model_pb.js';

export type { NumericReference, ReferenceProfile } from '@millrace/domain';

function featureToWire(feature: FeatureReference): FeatureWire {
  const head = { name: feature.name, missing: BigInt(feature.missing) };
  if (feature.kind === 'numeric')
    return create(FeatureReferenceSchema, {
      ...head,
      kind: {
        case: 'numeric',
        value: {
          edges: [...feature.edges],
          counts: feature.counts.map(BigInt),
          mean: feature.mean,
          std: feature.std,
          min: feature.min,
          max: feature.max,
          quantiles: [...feature.quantiles],
        },
      },
    });
  return create(FeatureReferenceSchema, {
    ...head,
    kind: {
      case: 'categorical',
      value: { values: [...feature.values], counts: feature.counts.map(BigInt), other: BigInt(feature.other) },
    },
  });
}

function featureFromWire(wire: FeatureWire): FeatureReference {
  const head = { name: wire.name, missing: Number(wire.missing) };
  if (wire.name === '') throw new PlatformError('corrupt', 'FeatureReference without name');
  if (wire.kind.case === 'numeric') {
    const { edges, counts, mean, std, min, max, quantiles } = wire.kind.value;
    if (counts.length !== 0 && counts.length !== edges.length + 1)
      throw new PlatformError(
        'corrupt',
        `FeatureReference ${wire.name} has ${counts.length} counts for ${edges.length} edges`,
      );
    return { kind: 'numeric', ...head, edges, counts: counts.map(Number), mean, std, min, max, quantiles };
  }
  if (wire.kind.case === 'categorical') {
    const { values, counts, other } = wire.kind.value;
    if (counts.length !== values.length)
      throw new PlatformError(
        'corrupt',
        `FeatureReference ${wire.name} has ${counts.length} counts for ${values.length} values`,
      );
    return { kind: 'categorical', ...head, values, counts: counts.map(Number), other: Number(other) };
  }
  throw new PlatformError('corrupt', `FeatureReference ${wire.name} is of no known kind`);
}

export function encodeReferenceProfile(profile: ReferenceProfile): Uint8Array {
  return toBinary(
    ReferenceProfileSchema,
    create(ReferenceProfileSchema, {
      rows: BigInt(profile.rows),
      features: profile.features.map(featureToWire),
      score: featureToWire(profile.score),
      positiveShare: profile.positiveShare,
    }),
  );
}

export function decodeReferenceProfile(bytes: Uint8Array): ReferenceProfile {
  let wire: ProfileWire;
  try {
    wire = fromBinary(ReferenceProfileSchema, bytes);
  } catch (error) {
    throw new PlatformError('corrupt', `not a ReferenceProfile: ${(error as Error).message}`, { cause: error });
  }
  if (wire.score === undefined) throw new PlatformError('corrupt', 'ReferenceProfile without score');
  const score = featureFromWire(wire.score);
  if (score.kind !== 'numeric') throw new PlatformError('corrupt', 'ReferenceProfile score is not numeric');
  return {
    rows: Number(wire.rows),
    features: wire.features.map(featureFromWire),
    score: score satisfies NumericReference,
    positiveShare: wire.positiveShare,
  };
}
