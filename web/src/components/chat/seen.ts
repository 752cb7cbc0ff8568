/**
 * Which messages were before somebody's eyes: in view, in a tab that is shown and has the focus. A message counts once
 * a good part of it is to be seen, or it fills the view.
 */
export interface SeenOptions {
  onSeen: (seq: number) => void;
  /** The reader has turned away. */
  onAway: () => void;
}

export interface Seen {
  /** Watches the messages in there that are not watched yet. */
  observe(box: HTMLElement): void;
  attentive(): boolean;
  stop(): void;
}

export function watchSeen({ onSeen, onAway }: SeenOptions): Seen {
  const visible = new Set<Element>();
  const watched = new WeakSet<Element>();
  let observer: IntersectionObserver | undefined;

  function attentive(): boolean {
    return document.visibilityState === 'visible' && document.hasFocus();
  }

  function tell(): void {
    if (!attentive()) return;
    const newest = Math.max(0, ...[...visible].map(seqOf));
    if (newest > 0) onSeen(newest);
  }

  function away(): void {
    if (attentive()) tell();
    else onAway();
  }

  function observe(box: HTMLElement): void {
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting, intersectionRatio, intersectionRect } of entries) {
          const fills = intersectionRect.height > box.clientHeight / 2;
          if (isIntersecting && (intersectionRatio >= 0.5 || fills)) visible.add(target);
          else visible.delete(target);
        }
        tell();
      },
      { root: box, threshold: [0, 0.25, 0.5, 0.75, 1] },
    );
    for (const element of box.querySelectorAll('[data-id]')) {
      if (watched.has(element)) continue;
      watched.add(element);
      observer.observe(element);
    }
    // One in view may have got its number only now.
    tell();
  }

  addEventListener('focus', tell);
  addEventListener('blur', away);
  document.addEventListener('visibilitychange', away);
  return {
    observe,
    attentive,
    stop: () => {
      observer?.disconnect();
      removeEventListener('focus', tell);
      removeEventListener('blur', away);
      document.removeEventListener('visibilitychange', away);
    },
  };
}

function seqOf(element: Element): number {
  return element.isConnected ? Number(element.getAttribute('data-seq') ?? 0) : 0;
}
