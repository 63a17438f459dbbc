// Entities as the analysis of a rollout counts them: hashed to a fixed number of buckets, however many there are. An
// entity here is what the version was drawn by: where entities stay with a version, the entity, else the request.

import { hash32 } from '@millrace/domain';

/** The chance part of a design effect falls with their root; more would make a router's word longer than it is. */
export const ENTITY_BUCKETS = 128;
/** Another one than those that draw versions. */
const SALT = 0x656e7469;

/** What a version is drawn by. */
export const drawnBy = (isSticky: boolean, entity: string, requestId: string): string =>
  isSticky && entity !== '' ? entity : requestId;

export const entityBucket = (drawnBy: string): number => hash32(drawnBy, SALT) % ENTITY_BUCKETS;
