"""`make generated`: write every generated file again."""

from deploy.generator.files import ROOT, generated_files

for path, text in generated_files().items():
    (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / path).write_text(text, encoding="utf-8")
