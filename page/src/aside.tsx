// What opens beside the map: it takes the focus, and gives it back.
import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useReading } from "./reading.ts";

export interface AsideProps {
  /** What it is about; the focus moves when that changes. */
  readonly about: string;
  readonly title: string;
  readonly close: () => void;
  readonly children: ComponentChildren;
}

export function Aside({ about, title, close, children }: AsideProps): JSX.Element {
  const { speech } = useReading();
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    const came = document.activeElement;
    heading.current?.focus({ preventScroll: true });
    return () => {
      if (came instanceof HTMLElement || came instanceof SVGElement) came.focus({ preventScroll: true });
    };
  }, [about]);
  return (
    <aside class="panel" aria-labelledby="panel-title">
      <header>
        <h2 id="panel-title" ref={heading} tabIndex={-1}>{title}</h2>
        <button type="button" class="close" onClick={close} aria-label={speech.say("close")}>×</button>
      </header>
      {children}
    </aside>
  );
}
