// Who did what to a project: noted by whoever does it (audit.v1), and checked by whoever reads it.

export { AuditChains } from './audit-chain.js';
export { AuditTrail, type Done, openAuditTrail } from './audit-trail.js';
