"""Sphinx: make docs."""

import os
from importlib.metadata import version as installed_version

project = "seisgeo"
author = "The seisgeo developers"
project_copyright = "The seisgeo developers"
release = version = installed_version("seisgeo")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = [
    "_build",
    "gallery",
    "auto_gallery/*.ipynb",
    "auto_gallery/*.py",
]

html_theme = "pydata_sphinx_theme"
html_title = f"seisgeo {release}"
html_theme_options = {"show_toc_level": 2, "navigation_with_keys": False}

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc says types with their meaning
numpydoc_show_class_members = False
# References to other projects need the network: SEISGEO_DOCS_LINKS=1 asks for them.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "xarray": ("https://docs.xarray.dev/en/stable", None),
    }
    if os.environ.get("SEISGEO_DOCS_LINKS")
    else {}
)

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "download_all_examples": False,
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "matplotlib_animations": False,
}
