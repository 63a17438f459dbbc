// Webhooks: to which addresses one is sent, signed how, and when it is tried again. Who sends owns the queue's file.

export { AddressGuard } from './address-guard.js';
export { due, type EndpointState, emptyEndpoint, enqueue, settle, type Waiting } from './outbox.js';
export { type Outcome, outcomeOf } from './retry.js';
export { type Delivery, Sender, type Sent } from './send.js';
export { secretOf, signedHeaders } from './sign.js';
