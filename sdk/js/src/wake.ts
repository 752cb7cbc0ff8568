/** Calls back when the network changed or the page came to the front: silence may be over, or may have begun. */
export function onWake(wake: () => void): () => void {
  if (typeof addEventListener !== 'function' || typeof document === 'undefined') {
    return () => undefined;
  }
  const visible = () => {
    if (document.visibilityState === 'visible') wake();
  };
  // Both ways: "offline" is not believed (a server on this machine is still there), but it is worth a probe.
  addEventListener('online', wake);
  addEventListener('offline', wake);
  document.addEventListener('visibilitychange', visible);
  return () => {
    removeEventListener('online', wake);
    removeEventListener('offline', wake);
    document.removeEventListener('visibilitychange', visible);
  };
}
