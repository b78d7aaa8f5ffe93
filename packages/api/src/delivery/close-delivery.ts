import type { ApiDeps } from '../deps.ts';

/** Stops what runs for waiting and streaming clients beside their requests. */
export function closeDelivery({ admission, streams }: Pick<ApiDeps, 'admission' | 'streams'>): void {
  admission.waiter.close();
  streams.feed.close();
  streams.connections.close();
  streams.ticker.close();
}
