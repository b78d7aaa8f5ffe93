import { GatewayError } from '@llm-gateway/shared/contracts/failure';
import { ledgerText } from '@llm-gateway/shared/ledger/ledger-entry';
import { z } from 'zod';
import type { Caller } from './caller.ts';

export const noTenant = (id: string): GatewayError =>
  new GatewayError({ code: 'not_found', detail: `There is no tenant ${id.slice(0, 64)}.` });

/** Refuses an administrator another tenant's things as if they were not there. Throws what `refusal` makes. */
export function reachTenant({ role, tenantId }: Caller, wanted: string, refusal = () => noTenant(wanted)): void {
  if (role !== 'operator' && tenantId !== wanted) throw refusal();
}

/** A tenant's administrator manages its keys, and not what the operator has set for the tenant. Throws `forbidden`. */
export function requireOperator({ role }: Caller): void {
  if (role !== 'operator') throw new GatewayError({ code: 'forbidden', detail: 'This needs the admin key.' });
}

/** The ledger is asked for it, and Postgres takes no NUL character for a part of a text. */
const tenantName = z.string().max(512).transform(ledgerText).optional();

export const tenantQuery = {
  tenant_id: tenantName.describe('Without it the operator sees all tenants, an administrator its own'),
};

/** Whose figures somebody asks for; undefined for all tenants'. Throws `not_found` for what is out of reach. */
export function tenantAsked(caller: Caller, tenantId: string | undefined): string | undefined {
  if (tenantId !== undefined) reachTenant(caller, tenantId);
  return tenantId ?? (caller.role === 'operator' ? undefined : caller.tenantId);
}

export const oneTenantQuery = {
  tenant_id: tenantName.describe("The caller's own if absent; only the operator may name another one"),
};

/** The one tenant that a request is about. Throws `not_found` for what is out of reach. */
export function oneTenant(caller: Caller, tenantId: string | undefined): string {
  if (tenantId !== undefined) reachTenant(caller, tenantId);
  return tenantId ?? caller.tenantId;
}
