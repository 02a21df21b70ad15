"""Bold and red as a reader sees them, whatever Markdown, HTML or LaTeX made them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.submission.policies.colors import is_red
from grader.submission.policies.markup import Line, read_html, read_markdown

TEXT = "Solution to Problem 2 Part (c)"


def only(source: str) -> Line:
    lines = [line for line in read_markdown(source) if "olution" in line.whole]
    assert len(lines) == 1, lines
    return lines[0]


BOLD_RED = {
    "font around stars": '<font color="red">**{}**</font>',
    "stars around font": '**<font color="red">{}</font>**',
    "single quotes": "<font color='red'><b>{}</b></font>",
    "no quotes": "<font color=red><b>{}</b></font>",
    "capitals": '<FONT COLOR="RED"><B>{}</B></FONT>',
    "short hexadecimal": '<font color="#f00"><strong>{}</strong></font>',
    "hexadecimal": '<b style="color:#ff0000">{}</b>',
    "hexadecimal without a mark": '<b><font color="FF0000">{}</font></b>',
    "with alpha": '<b style="color:#ff0000ff">{}</b>',
    "span": '<span style="color:red">**{}**</span>',
    "span in stars": '**<span style="color:red">{}</span>**',
    "underscores": '<span style="color:red">__{}__</span>',
    "three stars": '<span style="color:red">***{}***</span>',
    "weight": '<span style="color: red; font-weight: 700">{}</span>',
    "weight in words": '<span style="font-weight:bold;color:red;">{}</span>',
    "font shorthand": '<span style="font: bold 14px serif; color: red">{}</span>',
    "rgb": '<b style="color: rgb(255, 0, 0)">{}</b>',
    "rgb in percent": '<b style="color: rgb(100%, 0%, 0%)">{}</b>',
    "rgb with spaces": '<b style="color: rgb(220 20 60 / 90%)">{}</b>',
    "rgba": '<b style="color: rgba(255,0,0,1)">{}</b>',
    "hsl": '<b style="color: hsl(0, 100%, 50%)">{}</b>',
    "hsl in degrees": '<b style="color: hsl(355deg 90% 45%)">{}</b>',
    "important": '<b style="color: red !important">{}</b>',
    "heading": '## <font color="red">{}</font>',
    "heading of HTML": '<h2 style="color:red">{}</h2>',
    "heading by a line": '<font color="red">{}</font>\n---',
    "centred": '<center><font color="red"><b>{}</b></font></center>',
    "block": '<div style="color:red">\n\n**{}**\n\n</div>',
    "block with stars": '<div style="color:red">\n**{}**\n</div>',
    "paragraph": '<p style="color:red"><b>{}</b></p>',
    "nested": '<div><span style="color:blue"><b style="color:red">{}</b></span></div>',
    "emphasis inside": '<b style="color:red"><i><u>{}</u></i></b>',
    "table": '<table><tr><th style="color:red">{}</th></tr></table>',
    "alert": '<div class="alert alert-danger"><b>{}</b></div>',
    "list": '- <font color="red">**{}**</font>',
    "quote": '> <font color="red">**{}**</font>',
    "not closed": '<font color="red">**{}**',
    "closed late": '<font color="red"><b>{}</font></b>',
    "comment before": '<!-- mine --><font color="red">**{}**</font>',
    "entity": '<font color="red">**&#83;olution to Problem 2 Part (c)**</font>',
    "LaTeX": r"$\color{{red}}{{\textbf{{{}}}}}$",
    "LaTeX with mathbf": r"$\textcolor{{red}}{{\mathbf{{{}}}}}$",
    "LaTeX outside in": r"$\textbf{{\color{{red}}{}}}$",
    "LaTeX switch": r"${{\color{{red}}\bf {}}}$",
    "LaTeX displayed": r"$$\color{{red}}{{\boldsymbol{{\text{{{}}}}}}}$$",
    "LaTeX by numbers": r"$\textcolor[rgb]{{1,0,0}}{{\textbf{{{}}}}}$",
    "LaTeX by large numbers": r"$\textcolor[RGB]{{200,10,10}}{{\textbf{{{}}}}}$",
    "LaTeX by hexadecimal": r"$\textcolor[HTML]{{FF0000}}{{\textbf{{{}}}}}$",
    "LaTeX with a mark": r"$\color{{#f00}}{{\textbf{{{}}}}}$",
    "LaTeX in stars": r"**$\color{{red}}{{\text{{{}}}}}$**",
    "LaTeX in a font": r'<font color="red">$\textbf{{{}}}$</font>',
}  # fmt: skip


@pytest.mark.parametrize("form", BOLD_RED)
def test_bold_red_is_seen(form: str) -> None:
    line = only(BOLD_RED[form].format(TEXT))
    assert (line.bold, line.red, line.lead) == (True, True, TEXT)


OTHERS = {
    "plain": ("{}", False, False),
    "bold": ("**{}**", True, False),
    "heading": ("## {}", True, False),
    "red": ('<font color="red">{}</font>', False, True),
    "italic and red": ('<font color="red">*{}*</font>', False, True),
    "blue": ('<font color="blue">**{}**</font>', True, False),
    "orange": ('<b style="color:orange">{}</b>', True, False),
    "pink": ('<b style="color:pink">{}</b>', True, False),
    "nearly black": ('<b style="color:#300">{}</b>', True, False),
    "nearly white": ('<b style="color:#fee">{}</b>', True, False),
    "see-through": ('<b style="color:rgba(255,0,0,.1)">{}</b>', True, False),
    "red background": ('<b style="background-color:red">{}</b>', True, False),
    "closed before": ('<font color="red"></font>**{}**', True, False),
    "other colour inside": (
        '<b style="color:red"><span style="color:blue">{}</span></b>', True, False,
    ),
    "made thin again": ('<b style="color:red;font-weight:normal">{}</b>', False, True),
    "in code": ('`<font color="red">**{}**</font>`', False, False),
    "escaped": (r'\<font color="red">**{}**</font>', False, False),
    "LaTeX in blue": (r"$\color{{blue}}{{\textbf{{{}}}}}$", True, False),
    "LaTeX group has ended": (r"$\textcolor{{red}}{{x}}\textbf{{{}}}$", False, True),
}  # fmt: skip


@pytest.mark.parametrize("form", OTHERS)
def test_what_is_not_bold_red_is_told_apart(form: str) -> None:
    source, bold, red = OTHERS[form]
    lines = [line for line in read_markdown(source.format(TEXT)) if "olution" in line.whole]
    assert [(line.bold, line.red) for line in lines] == [(bold, red)]


def test_the_lead_ends_where_the_look_changes() -> None:
    line = only('<font color="red">**Solution to 2(c)**</font> The answer is 3.')
    assert (line.lead, line.is_all_lead) == ("Solution to 2(c)", False)
    assert only("<b>Solution to 2(c)</b>.").is_all_lead


def test_comments_and_style_sheets_are_not_seen() -> None:
    source = "<!-- Solution --><style>Solution</style><script>Solution</script>x"
    assert [line.whole for line in read_html(source)] == ["x"]


REDS = [
    "red",
    "Red",
    "#F00",
    "#ff0000",
    "#c00",
    "#dc3545",
    "#e53935",
    "crimson",
    "firebrick",
    "darkred",
    "rgb(200,30,30)",
]
NOT_REDS = "blue green orange pink purple brown black white gray #000 #800080 gold coral nonsense"


@pytest.mark.parametrize("color", REDS)
def test_shades_that_anyone_calls_red(color: str) -> None:
    assert is_red(color) is True


@pytest.mark.parametrize("color", [*NOT_REDS.split(), "rgb(1,2)", "#12345", "hsl(120,100%,50%)"])
def test_colours_that_nobody_calls_red(color: str) -> None:
    assert is_red(color) is False


@pytest.mark.parametrize("color", ["inherit", "currentColor", "", "unset"])
def test_words_that_leave_the_colour_as_it_is(color: str) -> None:
    assert is_red(color) is None


MARKUP = st.text(st.sampled_from("<>!/[]$\\{}*_#=\"'& \nabfontcolredu;:-()0"), max_size=60)


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(MARKUP)
def test_no_text_is_too_odd_to_read(source: str) -> None:
    assert all(line.whole.startswith(line.lead) or line.lead for line in read_markdown(source))
    read_html(source)


def test_what_stands_behind_a_picture_that_was_pasted_in_is_read() -> None:
    picture = f"![p](data:image/png;base64,{'iVBO' * 100_000})"
    told = [line.whole for line in read_markdown(f"{picture}\n\n# Problem 3\n\n**Solution**")]
    assert told[-2:] == ["Problem 3", "Solution"]
