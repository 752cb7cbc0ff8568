/**
 * One tab at a time sends what waits in a room. Where the browser has no Web Locks every tab does, and the server,
 * which knows a message by its `client_message_id`, takes it once all the same.
 */
export type Exclusively = (name: string, work: () => Promise<void>) => Promise<void>;

export const exclusively: Exclusively = async (name, work) => {
  const locks =
    typeof navigator === 'undefined' ? undefined : (navigator.locks as LockManager | undefined);
  // Absent on pages without TLS.
  if (!locks || typeof window === 'undefined') return work();
  await locks.request(name, work);
};
